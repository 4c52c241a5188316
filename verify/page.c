/*
 * The writing of a page (verify/page.h): headings, lines, tables, escaped. The last step of `satchel-verify report`; knows
 * HTML and nothing of what is told. Lets no text through that could become markup or move what is read.
 */
#include "verify/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/num.h"
#include "lib/text.h"
#include "manifests/reason.h"
#include "verify/report.h"

#include "lib/banned.h"

#define TEXT 16384	/* two paths of the greatest length, and words */

static const char style[] =
	"body{font:14px/1.4 sans-serif;margin:2em;color:#111;background:#fff}"
	"h1{font-size:1.5em}h2{font-size:1.2em;border-bottom:1px solid #888;margin-top:1.8em}"
	"table{border-collapse:collapse;margin:.6em 0}"
	"th,td{border:1px solid #bbb;padding:.2em .5em;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
	"th{background:#eee;white-space:nowrap}p{margin:.4em 0}"
	".bad{border-left:6px solid #b00;padding:.3em .6em;font-weight:bold;background:#fee}"
	"@media print{body{margin:0;font-size:10px}tr{break-inside:avoid}thead{display:table-header-group}}";

/* ---- text ---- */

static void put_escaped(struct page *p, const char *text)
{
	struct buf safe = {0};

	text_escape(&safe, text, strlen(text));
	if (safe.failed)
		p->out.failed = true;
	for (size_t i = 0; i < safe.len; i++) {
		switch (safe.data[i]) {
		case '&':
			buf_puts(&p->out, "&amp;");
			break;
		case '<':
			buf_puts(&p->out, "&lt;");
			break;
		case '>':
			buf_puts(&p->out, "&gt;");
			break;
		case '"':
			buf_puts(&p->out, "&quot;");
			break;
		case '\'':
			buf_puts(&p->out, "&#39;");
			break;
		default:
			buf_putc(&p->out, (char)safe.data[i]);
		}
	}
	buf_free(&safe);
}

static void put(struct page *p, const char *before, const char *after, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));

static void put(struct page *p, const char *before, const char *after, const char *fmt, va_list ap)
{
	char text[TEXT];

	vsnprintf(text, sizeof text, fmt, ap);
	buf_puts(&p->out, before);
	put_escaped(p, text);
	buf_puts(&p->out, after);
}

void page_heading(struct page *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(p, "<h2>", "</h2>\n", fmt, ap);
	va_end(ap);
}

void page_line(struct page *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(p, "<p>", "</p>\n", fmt, ap);
	va_end(ap);
}

void page_warn(struct page *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(p, "<p class=\"bad\">", "</p>\n", fmt, ap);
	va_end(ap);
}

/* ---- faults ---- */

void page_fault(struct page *p, int reason, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(p, "<p class=\"bad\">NOT GOOD: ", "", fmt, ap);
	va_end(ap);
	buf_printf(&p->out, " (%s)</p>\n", reason_word(reason));
	p->faults++;
	if (reason_exit(reason) == 3)
		p->damaged = true;
	else
		p->refused = true;
}

int page_fault_of(struct page *p, struct err *why, struct err *e)
{
	if (report_is_fatal(why))
		return err_set(e, why->reason, "%s", why->text);
	page_fault(p, why->reason, "%s", why->text);
	err_clear(why);
	return 0;
}

int page_exit(const struct page *p)
{
	return p->refused ? 1 : p->damaged ? 3 : 0;
}

/* ---- tables ---- */

void page_table(struct page *p, const char *columns)
{
	buf_puts(&p->out, "<table><thead><tr>");
	for (const char *at = columns; *at != '\0';) {
		size_t len = strcspn(at, "|");

		buf_puts(&p->out, "<th>");
		buf_append(&p->out, at, len);
		buf_puts(&p->out, "</th>");
		at += len + (at[len] == '|');
	}
	buf_puts(&p->out, "</tr></thead><tbody>");
}

void page_row(struct page *p)
{
	buf_puts(&p->out, "\n<tr>");	/* its end tag may be left out */
}

void page_cell(struct page *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(p, "<td>", "</td>", fmt, ap);
	va_end(ap);
}

void page_cell_text(struct page *p, const char *text)
{
	buf_puts(&p->out, "<td>");
	put_escaped(p, text);
	buf_puts(&p->out, "</td>");
}

void page_table_end(struct page *p, uint64_t rows)
{
	buf_puts(&p->out, "\n</tbody></table>\n");
	if (rows == 0)
		buf_puts(&p->out, "<p>none</p>\n");
}

/* ---- the page ---- */

void page_begin(struct page *p, const char *what, const char *path, int64_t now)
{
	char when[32];

	buf_puts(&p->out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>");
	put_escaped(p, what);
	buf_printf(&p->out, "</title>\n<style>%s</style></head><body>\n<h1>", style);
	put_escaped(p, what);
	buf_puts(&p->out, "</h1>\n");
	page_line(p, "%s, judged as of %s by satchel-verify %s", path, num_format_time(now, when), SATCHEL_VERSION);
}

void page_end(struct page *p)
{
	page_heading(p, "Result");
	if (p->faults == 0)
		page_line(p, "Nothing of what was looked at is other than it must be.");
	else
		page_warn(p, "NOT GOOD: %s, told above.", num_of(p->faults, "fault"));
	buf_puts(&p->out, "</body></html>\n");
}

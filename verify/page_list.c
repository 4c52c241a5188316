/*
 * What an approval list decides, on a page (verify/page.h): entries and revocations. Whether the list is signed is for the
 * caller to say first.
 */
#include "verify/page.h"

#include "lib/num.h"
#include "manifests/approvals.h"

#include "lib/banned.h"

static void put_words(struct page *p, char *const *words, size_t n)
{
	struct buf text = {0};

	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%s%s", i > 0 ? ", " : "", words[i]);
	page_cell_text(p, text.data != NULL ? (const char *)text.data : "");
	if (text.failed)
		p->out.failed = true;
	buf_free(&text);
}

static void put_entry(struct page *p, const struct approval *a)
{
	char when[32];

	page_row(p);
	page_cell(p, "%s", a->item);
	page_cell(p, "%llu", (unsigned long long)a->revision);
	put_words(p, a->rings, a->rings_n);
	page_cell(p, "%s", a->title != NULL ? a->title : "");
	page_cell(p, "%llu", (unsigned long long)a->contents.files);
	page_cell(p, "%llu", (unsigned long long)a->contents.bytes);
	put_words(p, a->requires, a->requires_n);
	page_cell(p, "%s%s%s", a->urgent ? "urgent " : "", a->has_deadline ? "by " : "",
		  a->has_deadline ? num_format_time(a->deadline, when) : "");
	page_cell(p, "%s", a->note != NULL ? a->note : "");
}

void page_decisions(struct page *p, const struct approvals *a)
{
	char from[32], to[32];

	page_line(p, "List %llu of epoch %llu of stream %s, issued %s, expires %s: %s.", (unsigned long long)a->revision,
		  (unsigned long long)a->epoch, a->stream, num_format_time(a->issued, from), num_format_time(a->expires, to),
		  num_of(a->items_n, "entry"));
	page_table(p, "item|revision|rings|title|files|bytes|requires|urgent|note");
	for (size_t i = 0; i < a->items_n; i++)
		put_entry(p, &a->items[i]);
	page_table_end(p, a->items_n);
	page_line(p, "Revoked:");
	page_table(p, "item|revision|since list|note");
	for (size_t i = 0; i < a->revoked_n; i++) {
		page_row(p);
		page_cell(p, "%s", a->revoked[i].item);
		page_cell(p, "%llu", (unsigned long long)a->revoked[i].revision);
		page_cell(p, "%llu", (unsigned long long)a->revoked[i].since);
		page_cell(p, "%s", a->revoked[i].note != NULL ? a->revoked[i].note : "");
	}
	page_table_end(p, a->revoked_n);
}

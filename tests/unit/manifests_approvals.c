/*
 * Approval lists: canonical form, the rules between entries, the questions asked of a list, and its limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/path.h"
#include "manifests/approvals.h"
#include "manifests/limits.h"
#include "manifests/reason.h"

static const char good[] =
	"satchel: approvals/1\n"
	"stream: \"updates\"\n"
	"epoch: 1\n"
	"revision: 42\n"
	"issued: 2026-11-22T10:00:00Z\n"
	"expires: 2027-02-20T10:00:00Z\n"
	"items:\n"
	"  - item: \"pool/g/glibc\"\n"
	"    revision: 1\n"
	"    rings: [\"pilot\", \"production\"]\n"
	"    contents: {sha256: 1111111111111111111111111111111111111111111111111111111111111111, size: 300, files: 1, bytes: 7}\n"
	"  - item: \"pool/o/openssl\"\n"
	"    revision: 2\n"
	"    rings: [\"production\"]\n"
	"    contents: {sha256: 2222222222222222222222222222222222222222222222222222222222222222, size: 1834, files: 12, bytes: 3456789}\n"
	"    title: \"OpenSSL 3.0.18\"\n"
	"    requires: [\"pool/g/glibc\"]\n"
	"  - item: \"pool/o/openssl\"\n"
	"    revision: 3\n"
	"    rings: [\"pilot\"]\n"
	"    contents: {sha256: 3333333333333333333333333333333333333333333333333333333333333333, size: 1840, files: 12, bytes: 3456999}\n"
	"    title: \"OpenSSL 3.0.19 security update\"\n"
	"    requires: [\"pool/g/glibc\"]\n"
	"    supersedes: [\"pool/l/libressl\", \"pool/x/xz\"]\n"
	"    urgent: true\n"
	"    deadline: 2026-12-01T00:00:00Z\n"
	"    note: \"CVE-2026-1\"\n"
	"revoked:\n"
	"  - {item: \"pool/x/xz\", revision: 5, contents: 4444444444444444444444444444444444444444444444444444444444444444, since: 41, note: \"backdoor\"}\n"
	"  - {item: \"pool/x/xz\", revision: 6, contents: 4444444444444444444444444444444444444444444444444444444444444445, since: 99}\n";

static struct approvals *parse(const char *text)
{
	struct err e = {0};
	struct approvals *a = approvals_parse(text, strlen(text), &e);

	if (a == NULL)
		fail_msg("%s", e.text);
	return a;
}

static void round_trip(void **state)
{
	struct approvals *a = parse(good);
	struct buf b = {0};
	struct err e = {0};
	struct digest d;
	const struct approval *p = &a->items[2];

	(void)state;
	assert_string_equal(a->stream, "updates");
	assert_int_equal(a->revision, 42);
	assert_int_equal(a->items_n, 3);
	assert_string_equal(p->item, "pool/o/openssl");
	assert_int_equal(p->revision, 3);
	assert_int_equal(p->rings_n, 1);
	assert_int_equal(p->contents.size, 1840);
	assert_int_equal(p->contents.files, 12);
	assert_int_equal(p->contents.bytes, 3456999);
	assert_true(p->urgent && p->has_deadline);
	assert_int_equal(p->deadline, 1796083200);
	assert_string_equal(p->note, "CVE-2026-1");
	assert_false(a->items[1].urgent || a->items[1].has_deadline);
	assert_null(a->items[0].title);
	assert_int_equal(a->items[0].requires_n, 0);
	assert_int_equal(a->revoked_n, 2);
	assert_string_equal(a->revoked[0].note, "backdoor");
	assert_null(a->revoked[1].note);
	assert_int_equal(approvals_encode(a, &b, &e), 0);
	assert_int_equal(b.len, strlen(good));
	assert_memory_equal(b.data, good, b.len);
	assert_int_equal(a->bytes.len, b.len);
	assert_memory_equal(a->bytes.data, good, b.len);
	digest_of(good, strlen(good), &d, &e);
	assert_true(digest_equal(&d, &a->digest));
	buf_free(&b);
	approvals_free(a);
	approvals_free(NULL);
}

static void empty_lists(void **state)
{
	struct approvals *a = parse("satchel: approvals/1\nstream: \"s\"\nepoch: 1\nrevision: 1\nissued: 2026-11-22T10:00:00Z\n"
				    "expires: 2027-02-20T10:00:00Z\nitems: []\nrevoked: []\n");
	size_t count;

	(void)state;
	assert_int_equal(a->items_n, 0);
	assert_int_equal(approvals_find(a, "x", &count), 0);
	assert_int_equal(count, 0);
	assert_false(approvals_revokes(a, &a->digest));
	approvals_free(a);
}

struct change {
	const char *from, *to;
	int reason;
};

static void refuse_text(const char *text, size_t len, int reason, const char *what)
{
	struct err e = {0};
	struct approvals *a = approvals_parse(text, len, &e);

	if (a != NULL || e.reason != reason)
		fail_msg("%s: %s %s, not %s", what, reason_word(e.reason), e.text, reason_word(reason));
}

/* Replaces the last occurrence, so that fields of entries can be named. */
static void change_each(const struct change *c)
{
	for (; c->from != NULL; c++) {
		const char *at = NULL;
		struct buf b = {0};

		for (const char *p = good; (p = strstr(p, c->from)) != NULL; p++)
			at = p;
		if (at == NULL)
			fail_msg("no %s", c->from);
		buf_append(&b, good, (size_t)(at - good));
		buf_puts(&b, c->to);
		buf_puts(&b, at + strlen(c->from));
		refuse_text((char *)b.data, b.len, c->reason, c->to);
		buf_free(&b);
	}
}

static void not_canonical(void **state)
{
	static const struct change changes[] = {
		{"satchel: approvals/1", "satchel: manifest/1", R_DOCUMENT_TYPE},
		{"satchel: approvals/1", "satchel: approvals/2", R_DOCUMENT_VERSION},
		{"\nrevoked:\n", "\n---\nrevoked:\n", R_DOCUMENT_FORM},
		{"revoked:\n", "revoked:\n\n", R_DOCUMENT_FORM},
		{"revision: 42\n", "revision: 42\nrevision: 42\n", R_DOCUMENT_FORM},
		{"    revision: 3\n", "    revision: 3\n    revision: 3\n", R_DOCUMENT_FORM},
		{"revision: 6, ", "revision: 6, revision: 6, ", R_DOCUMENT_FORM},
		{"revision: 6, ", "", R_DOCUMENT_FORM},
		{"since: 99", "Since: 99", R_DOCUMENT_FORM},
		{"since: 99", "since: 99, more: 1", R_DOCUMENT_FORM},
		{"since: 99", "since: 0", R_DOCUMENT_FORM},
		{"since: 99", "since: 099", R_DOCUMENT_FORM},
		{"since: 99", "since:  99", R_DOCUMENT_FORM},
		{"since: 99}", "since: 99 }", R_DOCUMENT_FORM},
		{"since: 99}", "since: 99} ", R_DOCUMENT_FORM},
		{"since: 99}", "since: 99} # so", R_DOCUMENT_FORM},
		{"note: \"backdoor\"", "note: 'backdoor'", R_DOCUMENT_FORM},
		{"note: \"backdoor\"", "note: backdoor", R_DOCUMENT_FORM},
		{"note: \"backdoor\"", "note: \"\"", R_DOCUMENT_FORM},
		{"note: \"backdoor\"", "note: \"back\\x20door\"", R_DOCUMENT_FORM},
		{"note: \"backdoor\"", "note: \"back\xe2\x80\xae\"", R_DOCUMENT_FORM},
		{"note: \"backdoor\"", "note: \"back\xe2\x80\xa8\"", R_DOCUMENT_FORM},
		{"note: \"backdoor\"", "note: \"back\xff\"", R_DOCUMENT_FORM},
		{"note: \"backdoor\"", "note: \"back\tdoor\"", R_DOCUMENT_FORM},
		{"    urgent: true\n", "    urgent: false\n", R_DOCUMENT_FORM},
		{"    urgent: true\n", "    urgent: yes\n", R_DOCUMENT_FORM},
		{"    urgent: true\n", "    urgent: \"true\"\n", R_DOCUMENT_FORM},
		{"    urgent: true\n", "    urgent: true\n    urgent: true\n", R_DOCUMENT_FORM},
		{"    deadline: 2026-12-01T00:00:00Z\n", "    deadline: 2026-12-01\n", R_DOCUMENT_FORM},
		{"    deadline: 2026-12-01T00:00:00Z\n", "    deadline: 2026-12-01T24:00:00Z\n", R_DOCUMENT_FORM},
		{"    requires: [\"pool/g/glibc\"]\n", "    requires: []\n", R_DOCUMENT_FORM},
		{"    requires: [\"pool/g/glibc\"]\n", "    requires: [pool/g/glibc]\n", R_DOCUMENT_FORM},
		{"    requires: [\"pool/g/glibc\"]\n", "    requires:\n      - \"pool/g/glibc\"\n", R_DOCUMENT_FORM},
		{"[\"pool/l/libressl\", \"pool/x/xz\"]", "[]", R_DOCUMENT_FORM},
		{"[\"pool/l/libressl\", \"pool/x/xz\"]", "[\"pool/x/xz\", \"pool/l/libressl\"]", R_DOCUMENT_FORM},
		{"[\"pool/l/libressl\", \"pool/x/xz\"]", "[\"pool/x/xz\", \"pool/x/xz\"]", R_DOCUMENT_FORM},
		{"[\"pool/l/libressl\", \"pool/x/xz\"]", "[\"pool/o/openssl\"]", R_DOCUMENT_FORM},
		{"[\"pool/l/libressl\", \"pool/x/xz\"]", "[\"../xz\"]", R_NAME},
		{"    rings: [\"pilot\"]\n", "    rings: []\n", R_DOCUMENT_FORM},
		{"    rings: [\"pilot\"]\n", "", R_DOCUMENT_FORM},
		{"    rings: [\"pilot\"]\n", "    rings: \"pilot\"\n", R_DOCUMENT_FORM},
		{"    rings: [\"pilot\"]\n", "    rings: [\"Pilot\"]\n", R_NAME},
		{"    rings: [\"pilot\"]\n", "    rings: [\"pi/lot\"]\n", R_NAME},
		{"files: 12, bytes: 3456999", "bytes: 3456999, files: 12", R_DOCUMENT_FORM},
		{"files: 12, bytes: 3456999", "files: 12, bytes: 9223372036854775808", R_DOCUMENT_FORM},
		{"size: 1840", "size: 0", R_DOCUMENT_FORM},
		{"size: 1840", "size: 16777217", R_DOCUMENT_FORM},
		{"sha256: 3333", "sha256: 333", R_DOCUMENT_FORM},
		{"sha256: 3333", "sha256: 333A", R_DOCUMENT_FORM},
		{"\"updates\"", "\"up dates\"", R_NAME},
		{"epoch: 1\n", "epoch: 0\n", R_DOCUMENT_FORM},
		{"epoch: 1\n", "epoch: &a 1\n", R_DOCUMENT_FORM},
		{"epoch: 1\n", "epoch: !!int 1\n", R_DOCUMENT_FORM},
		{"issued: 2026-11-22T10:00:00Z", "issued: 2027-02-20T10:00:00Z", R_DOCUMENT_FORM},
		{0},
	};

	(void)state;
	change_each(changes);
	refuse_text(good, strlen(good) - 1, R_DOCUMENT_FORM, "no LF");
	refuse_text(good, sizeof good, R_DOCUMENT_FORM, "a NUL more");
}

/* A1: names of items. */
static void item_names(void **state)
{
	static const char *const bad[] = {
		"../x", "a/../../b", "a/..", "/etc/x", "//x", "", ".", "..", "a/./b", "a//b", "a/", "x\xe2\x80\xae.exe",
		"x\xe2\x80\xa8", "x\xef\xbb\xbf",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char to[64];
		struct change c[] = {{"\"pool/x/xz\", revision: 6", to, 0}, {0}};
		struct err e = {0};

		snprintf(to, sizeof to, "\"%s\", revision: 6", bad[i]);
		c[0].reason = i >= 12 ? R_DOCUMENT_FORM : R_NAME;	/* code points no document has, found before */
		change_each(c);
		assert_int_equal(path_check(bad[i], strlen(bad[i]), &e), -1);
	}
}

/* Each line taken away, but those of fields that may be absent, and each line twice. */
static void every_line(void **state)
{
	static const char *const optional[] = {"    title", "    requires", "    supersedes", "    urgent", "    deadline", "    note", "  - {"};

	(void)state;
	for (const char *line = good; *line != '\0';) {
		size_t len = strcspn(line, "\n") + 1;
		bool may_lack = false;
		struct buf less = {0}, more = {0};
		struct err e = {0};
		struct approvals *a;

		for (size_t i = 0; i < sizeof optional / sizeof *optional; i++)
			may_lack |= strncmp(line, optional[i], strlen(optional[i])) == 0;
		buf_append(&less, good, (size_t)(line - good));
		buf_puts(&less, line + len);
		a = approvals_parse(less.data, less.len, &e);
		assert_int_equal(a != NULL, may_lack);
		approvals_free(a);
		buf_append(&more, good, (size_t)(line + len - good));
		buf_puts(&more, line);
		assert_null(approvals_parse(more.data, more.len, &e));
		buf_free(&less);
		buf_free(&more);
		line += len;
	}
}

/* ---- rules between entries, on lists built in memory ---- */

#define ROOM 80
struct draft {
	struct approvals a;
	struct approval items[ROOM];
	struct revocation revoked[ROOM];
	char *rings[ROOM][ROOM];
	char *requires[ROOM][ROOM];
};

static char *word(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* "ring,ring" and "item,item" */
static void split(char **list, size_t *n, const char *words, struct arena *a)
{
	while (*words != '\0') {
		size_t len = strcspn(words, ",");

		list[(*n)++] = arena_strndup(a, words, len);
		words += len + (words[len] == ',');
	}
}

static struct approval *add(struct draft *d, const char *item, uint64_t revision, const char *rings, const char *requires)
{
	size_t i = d->a.items_n++;
	struct approval *p = &d->items[i];

	*p = (struct approval){.item = word(item), .revision = revision, .rings = d->rings[i], .requires = d->requires[i],
			       .contents = {.size = 100}};
	p->contents.sha256.bytes[0] = (uint8_t)i;
	split(p->rings, &p->rings_n, rings, &d->a.arena);
	split(p->requires, &p->requires_n, requires, &d->a.arena);
	return p;
}

static void revoke(struct draft *d, const char *item, uint64_t revision, uint8_t contents)
{
	struct revocation *v = &d->revoked[d->a.revoked_n++];

	*v = (struct revocation){.item = word(item), .revision = revision, .since = 1};
	v->contents.bytes[0] = contents;
}

static struct draft *new_draft(void)
{
	struct draft *d = calloc(1, sizeof *d);

	d->a = (struct approvals){.stream = word("s"), .epoch = 1, .revision = 1, .issued = 1000, .expires = 2000,
				  .items = d->items, .revoked = d->revoked};
	return d;
}

/* Judges fields by themselves: when it is encoded. */
static void judge_form(struct draft *d, int reason)
{
	struct err e = {0};
	struct buf b = {0};

	assert_int_equal(approvals_encode(&d->a, &b, &e), reason == 0 ? 0 : -1);
	assert_int_equal(e.reason, reason);
	buf_free(&b);
	arena_free(&d->a.arena);
	free(d);
}

/* Judges it in memory, by encoding and by parsing. */
static void judge(struct draft *d, int reason, const char *text)
{
	struct err e = {0};
	struct buf b = {0};
	int rc = approvals_check(&d->a, &e);

	if (e.reason != reason || (rc == 0) != (reason == 0) || strstr(e.text, text) == NULL)
		fail_msg("%s: %s, not %s: %s", reason_word(e.reason), e.text, reason_word(reason), text);
	err_clear(&e);
	assert_int_equal(approvals_encode(&d->a, &b, &e), rc);
	assert_int_equal(e.reason, reason);
	if (reason == 0) {
		struct approvals *a = approvals_parse(b.data, b.len, &e);

		assert_non_null(a);
		approvals_free(a);
	}
	buf_free(&b);
	arena_free(&d->a.arena);
	free(d);
}

static void nesting(void **state)
{
	struct draft *d = new_draft();

	(void)state;
	add(d, "a", 1, "r", "");
	add(d, "a.b", 1, "r", "");
	add(d, "ab", 1, "r", "");
	add(d, "b/c", 1, "r", "");
	add(d, "b/cd", 1, "r", "");
	judge(d, 0, "");

	d = new_draft();
	add(d, "a", 1, "r", "");
	add(d, "a.b", 1, "r", "");
	add(d, "a/b", 1, "r", "");
	judge(d, R_NAME, "\"a/b\" lies below \"a\"");

	d = new_draft();
	add(d, "a", 1, "r", "");
	add(d, "a", 2, "s", "");
	add(d, "a/b/c", 1, "t", "");	/* whatever the rings: no store is to depend on who else there is */
	judge(d, R_NAME, "lies below");

	d = new_draft();
	add(d, "b", 1, "r", "");
	add(d, "a", 1, "r", "");
	judge(d, R_DOCUMENT_FORM, "item \"a\" revision 1");

	d = new_draft();
	add(d, "a", 2, "r", "");
	add(d, "a", 2, "s", "");
	judge(d, R_DOCUMENT_FORM, "after revision 2");

	d = new_draft();
	add(d, "a", 2, "r", "");
	add(d, "a", 1, "s", "");
	judge(d, R_DOCUMENT_FORM, "after revision 2");
}

static void rings(void **state)
{
	struct draft *d = new_draft();

	(void)state;
	add(d, "a", 1, "p,r", "");
	add(d, "a", 2, "q", "");
	add(d, "b", 1, "p,q,r", "");
	judge(d, 0, "");

	d = new_draft();
	add(d, "a", 1, "p,r", "");
	add(d, "a", 2, "q", "");
	add(d, "a", 3, "o,r", "");
	judge(d, R_DOCUMENT_FORM, "ring \"r\" stands in another entry");

	d = new_draft();
	add(d, "a", 1, "r,p", "");
	judge(d, R_DOCUMENT_FORM, "rings");

	d = new_draft();
	add(d, "a", 1, "r,r", "");
	judge(d, R_DOCUMENT_FORM, "rings");

	d = new_draft();
	add(d, "a", 1, "", "");
	judge(d, R_DOCUMENT_FORM, "rings: empty");
}

/* MAX_RINGS of them, whether in one entry or in several, and one more. */
static void many_rings(void **state)
{
	(void)state;
	for (int n = MAX_RINGS; n <= MAX_RINGS + 1; n++)
		for (int per = 1; per <= 65; per += 64) {
			struct draft *d = new_draft();

			for (int i = 0; i < n; i++) {
				char name[16];

				snprintf(name, sizeof name, "r%02d", i);
				if (i % per == 0)
					add(d, "a", (uint64_t)i + 1, "", "");
				split(d->items[d->a.items_n - 1].rings, &d->items[d->a.items_n - 1].rings_n, name, &d->a.arena);
			}
			judge(d, n > MAX_RINGS ? R_DOCUMENT_FORM : 0, "");
		}
}

static void requires(void **state)
{
	struct draft *d = new_draft();

	(void)state;
	add(d, "a", 1, "p,q", "b");
	add(d, "b", 1, "p", "");	/* two revisions cover the two rings */
	add(d, "b", 2, "q,r", "c");
	add(d, "c", 7, "q,r", "a,b");	/* a cycle, and a is not there for r */
	judge(d, R_REQUIRES, "item \"c\" revision 7: requires \"a\", which is not approved for ring \"r\"");

	d = new_draft();
	add(d, "a", 1, "p,q", "b");
	add(d, "b", 1, "p", "");
	add(d, "b", 2, "q", "a");
	judge(d, 0, "");

	d = new_draft();
	add(d, "a", 1, "p", "b");
	judge(d, R_REQUIRES, "requires \"b\"");

	d = new_draft();
	add(d, "a", 1, "p", "c,b");
	add(d, "b", 1, "p", "");
	add(d, "c", 1, "p", "");
	judge(d, R_DOCUMENT_FORM, "requires");
}

static void revoked(void **state)
{
	struct draft *d = new_draft();

	(void)state;
	add(d, "a", 1, "p", "");
	revoke(d, "a", 1, 9);	/* goes by contents: these are others */
	revoke(d, "a", 2, 8);
	judge(d, 0, "");

	d = new_draft();
	add(d, "a", 1, "p", "");
	add(d, "b", 1, "p", "");
	revoke(d, "x", 1, 1);
	judge(d, R_REVOKED, "item \"b\" revision 1");

	d = new_draft();
	revoke(d, "b", 1, 1);
	revoke(d, "a", 1, 2);
	judge(d, R_DOCUMENT_FORM, "not in order");

	d = new_draft();
	revoke(d, "a", 1, 1);
	revoke(d, "a", 1, 2);
	judge(d, R_DOCUMENT_FORM, "not in order");
}

static void limits(void **state)
{
	static char title[MAX_TITLE_LEN + 2], item[PATH_MAX_LEN + 2];
	struct draft *d;

	(void)state;
	for (int more = 0; more < 2; more++) {
		d = new_draft();
		memset(title, 't', sizeof title);
		title[MAX_TITLE_LEN + more] = '\0';
		add(d, "a", 1, "p", "")->title = title;
		judge_form(d, more ? R_DOCUMENT_FORM : 0);

		d = new_draft();
		for (int i = 0; i < PATH_MAX_LEN; i++)
			item[i] = i % 100 == 99 ? '/' : 'x';
		memset(item + PATH_MAX_LEN - 1, 'x', 2);
		item[PATH_MAX_LEN + more] = '\0';
		add(d, item, 1, "p", "");
		judge_form(d, more ? R_NAME : 0);

		d = new_draft();
		add(d, "a", 1, "p", "")->revision = more ? MAX_REVISION + 1 : MAX_REVISION;
		judge_form(d, more ? R_DOCUMENT_FORM : 0);
	}
	d = new_draft();
	add(d, "a", 1, "p", "")->title = word("two\nlines");
	judge_form(d, R_DOCUMENT_FORM);
	for (size_t more = 0; more < 2; more++) {	/* at the limit the rules are asked, beyond it the form is wrong */
		char names[MAX_REQUIRES + 1][16], *list[MAX_REQUIRES + 1];
		struct approval *p;

		for (unsigned i = 0; i <= MAX_REQUIRES; i++) {
			snprintf(names[i], sizeof names[i], "b%03u", i);
			list[i] = names[i];
		}
		d = new_draft();
		p = add(d, "a", 1, "p", "");
		p->requires = list;
		p->requires_n = MAX_REQUIRES + more;
		judge_form(d, more ? R_DOCUMENT_FORM : R_REQUIRES);
	}
}

/* ---- questions ---- */

static void questions(void **state)
{
	struct approvals *a = parse(good);
	char *both[] = {word("pilot"), word("production")}, *other[] = {word("x"), word("pilo")};
	struct digest d = a->revoked[1].contents;
	size_t count;

	(void)state;
	assert_int_equal(approvals_find(a, "pool/o/openssl", &count), 1);
	assert_int_equal(count, 2);
	assert_int_equal(approvals_find(a, "pool/o/opens", &count), 1);
	assert_int_equal(count, 0);
	assert_int_equal(approvals_find(a, "z", &count), 3);
	assert_int_equal(count, 0);
	assert_int_equal(approvals_entry(a, "pool/o/openssl", both, 2)->revision, 3);
	assert_int_equal(approvals_entry(a, "pool/o/openssl", both, 1)->revision, 3);
	assert_int_equal(approvals_entry(a, "pool/o/openssl", both + 1, 1)->revision, 2);
	assert_null(approvals_entry(a, "pool/o/openssl", other, 2));
	assert_null(approvals_entry(a, "pool/o", both, 2));
	assert_true(approvals_revokes(a, &d));
	a->revoked_index = NULL;	/* as in a list built in memory */
	assert_true(approvals_revokes(a, &d));
	d.bytes[31] ^= 4;
	assert_false(approvals_revokes(a, &d));
	approvals_free(a);
}

static void order(void **state)
{
	struct approvals a = {.epoch = 1, .revision = 9}, b = {.epoch = 2, .revision = 1}, c = {.epoch = 1, .revision = 10};

	(void)state;
	assert_true(approvals_compare(&a, &b) < 0);
	assert_true(approvals_compare(&b, &c) > 0);
	assert_true(approvals_compare(&a, &c) < 0);
	assert_int_equal(approvals_compare(&a, &a), 0);
}

/* ---- size ---- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t encoded(const struct approvals *list, int reason, struct buf *b)
{
	struct err e = {0};

	buf_clear(b);
	assert_int_equal(approvals_encode(list, b, &e), reason == 0 ? 0 : -1);
	assert_int_equal(e.reason, reason);
	return b->len;
}

#if defined(__SANITIZE_ADDRESS__)
#define MANY 5000	/* libyaml takes 20 times as long there */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MANY 5000
#endif
#endif
#ifndef MANY
#define MANY MAX_ITEMS
#endif

/* MAX_ITEMS entries, or as many revoked ones; one more of each; and what is too large as a whole. */
static void largest(void **state)
{
	struct approval *items = calloc(MAX_ITEMS + 1, sizeof *items);
	struct revocation *gone = calloc(MAX_ITEMS + 1, sizeof *gone);
	char (*names)[24] = calloc(MAX_ITEMS + 1, sizeof *names);
	char *ring[] = {word("pilot"), word("production")};
	struct approvals list = {.stream = word("s"), .epoch = 1, .revision = 1, .issued = 1, .expires = 2, .items = items,
				 .items_n = MAX_ITEMS, .revoked = gone, .revoked_n = 1}, *a;
	struct buf b = {0};
	struct err e = {0};
	double start;

	(void)state;
	for (uint32_t i = 0; i <= MAX_ITEMS; i++) {
		snprintf(names[i], sizeof *names, "pool/%c/item-%06u", 'a' + (int)(i / 10000), i);
		items[i] = (struct approval){.item = names[i], .revision = 1, .rings = ring, .rings_n = 2, .contents = {.size = 1}};
		gone[i] = (struct revocation){.item = names[i], .revision = 1, .since = 1};
		memcpy(items[i].contents.sha256.bytes, &i, sizeof i);
		memcpy(gone[i].contents.bytes + 4, &i, sizeof i);
		gone[i].contents.bytes[31] = 1;
	}
	encoded(&list, 0, &b);
	list.items_n = MANY;
	encoded(&list, 0, &b);
	start = seconds();
	a = approvals_parse(b.data, b.len, &e);
	print_message("%d entries, %zu bytes, parsed in %.2f s\n", MANY, b.len, seconds() - start);
	assert_non_null(a);
	assert_int_equal(a->items_n, MANY);
	assert_string_equal(a->items[MANY - 1].item, names[MANY - 1]);
	approvals_free(a);

	list.items_n = MAX_ITEMS;
	list.items_n++;
	encoded(&list, R_DOCUMENT_FORM, &b);
	list.items_n = 0;
	list.revoked_n = MAX_ITEMS;
	encoded(&list, 0, &b);
	a = approvals_parse(b.data, b.len, &e);
	assert_non_null(a);
	assert_true(approvals_revokes(a, &gone[MAX_ITEMS - 1].contents));
	approvals_free(a);
	list.revoked_n++;
	encoded(&list, R_DOCUMENT_FORM, &b);
	list.items_n = list.revoked_n = MAX_ITEMS;
	encoded(&list, R_DOCUMENT_TOO_LARGE, &b);
	buf_free(&b);
	free(items);
	free(gone);
	free(names);
}

/* The checks of a list made to be slow: many rings and requires everywhere. */
static void slowest(void **state)
{
	enum { N = 12000 };
	struct approval *items = calloc(N, sizeof *items);
	char (*names)[16] = calloc(N, sizeof *names), (*ring_names)[16] = calloc(MAX_RINGS, sizeof *ring_names);
	char *ring_list[MAX_RINGS], *wanted[MAX_REQUIRES];
	struct approvals list = {.stream = word("s"), .epoch = 1, .revision = 1, .issued = 1, .expires = 2, .items = items,
				 .items_n = N};
	struct err e = {0};
	double start;

	(void)state;
	for (int i = 0; i < MAX_RINGS; i++) {
		snprintf(ring_names[i], sizeof *ring_names, "r%02d", i);
		ring_list[i] = ring_names[i];
	}
	for (uint32_t i = 0; i < N; i++) {
		snprintf(names[i], sizeof *names, "i%05u", i);
		if (i < MAX_REQUIRES)
			wanted[i] = names[i];
		items[i] = (struct approval){.item = names[i], .revision = 1, .rings = ring_list, .rings_n = MAX_RINGS,
					     .requires = wanted, .requires_n = MAX_REQUIRES, .contents = {.size = 1}};
		memcpy(items[i].contents.sha256.bytes, &i, sizeof i);
	}
	start = seconds();
	assert_int_equal(approvals_check(&list, &e), 0);
	print_message("3,000,000 requires of 64 rings judged in %.2f s\n", seconds() - start);
	free(items);
	free(names);
	free(ring_names);
}

static void too_large(void **state)
{
	char *big = calloc(1, MAX_APPROVALS_SIZE + 1);

	(void)state;
	refuse_text(big, MAX_APPROVALS_SIZE + 1, R_DOCUMENT_TOO_LARGE, "one byte over");
	refuse_text(big, MAX_APPROVALS_SIZE, R_DOCUMENT_FORM, "at the limit");
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(empty_lists), cmocka_unit_test(not_canonical),
		cmocka_unit_test(item_names), cmocka_unit_test(every_line), cmocka_unit_test(nesting), cmocka_unit_test(rings),
		cmocka_unit_test(many_rings), cmocka_unit_test(requires), cmocka_unit_test(revoked), cmocka_unit_test(limits),
		cmocka_unit_test(questions), cmocka_unit_test(order), cmocka_unit_test(largest), cmocka_unit_test(slowest),
		cmocka_unit_test(too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

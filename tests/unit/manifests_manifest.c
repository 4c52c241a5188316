/*
 * Manifests: the rules between the list of files and everything else.
 */
#include "manifests/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#define LIST "1100000000000000000000000000000000000000000000000000000000000000"
#define ROOT "2200000000000000000000000000000000000000000000000000000000000000"
#define ELSE "3300000000000000000000000000000000000000000000000000000000000000"
#define SIG ".00112233445566778899aabbccddeeff.sig"

static const char sample[] =
	"satchel: manifest/1\n"
	"stream: \"updates\"\n"
	"sequence: 17\n"
	"created: 2026-11-22T10:00:00Z\n"
	"destinations: [\"perimeter-a\", \"perimeter-b\"]\n"
	"part: {first: 17, number: 1, last: true}\n"
	"objects: {count: 812, bytes: 5368709120}\n"
	"approvals: {epoch: 1, revision: 42, sha256: " LIST "}\n"
	"trust: {version: 3, sha256: " ROOT "}\n"
	"witness: [{destination: \"perimeter-a\", counter: 11, journal: " ELSE "}]\n"
	"files:\n"
	"  - {name: \"VERIFY.txt\", size: 1000, sha256: " ELSE "}\n"
	"  - {name: \"approvals.yaml\", size: 91234, sha256: " LIST "}\n"
	"  - {name: \"approvals.yaml" SIG "\", size: 64, sha256: " ELSE "}\n"
	"  - {name: \"trust-2.yaml\", size: 900, sha256: " ELSE "}\n"
	"  - {name: \"trust-3.yaml\", size: 900, sha256: " ROOT "}\n"
	"  - {name: \"trust-3.yaml" SIG "\", size: 64, sha256: " ELSE "}\n"
	"  - {name: \"vol-0001.tar.zst\", size: 4290772992}\n"
	"  - {name: \"vol-0001.yaml\", size: 40312, sha256: " ELSE "}\n"
	"  - {name: \"vol-0002.tar.zst\", size: 1, sha256: " ELSE "}\n"
	"  - {name: \"vol-0002.yaml\", size: 40312, sha256: " ELSE "}\n";

/* 0, or the reason; what is parsed is encoded to the same bytes. */
static int judge(const char *data, size_t len, struct err *e)
{
	struct manifest *m;
	struct buf again = {0};

	*e = (struct err){0};
	m = manifest_parse(data, len, e);
	if (!m) {
		assert_int_not_equal(e->reason, 0);
		return e->reason;
	}
	assert_int_equal(manifest_encode(m, &again, e), 0);
	assert_int_equal(again.len, len);
	assert_memory_equal(again.data, data, len);
	buf_free(&again);
	manifest_free(m);
	return 0;
}

/* The sample with a text exchanged, everywhere it occurs. */
static int with(const char *from, const char *to)
{
	struct buf doc = {0};
	struct err e;
	const char *p = sample, *at;
	int rc;

	assert_non_null(strstr(sample, from));
	while ((at = strstr(p, from))) {
		buf_append(&doc, p, (size_t)(at - p));
		buf_puts(&doc, to);
		p = at + strlen(from);
	}
	buf_puts(&doc, p);
	rc = judge((const char *)doc.data, doc.len, &e);
	if (rc == R_DOCUMENT_FORM && strstr(e.text, "not canonical"))
		print_message("\"%s\" as \"%s\": %s\n", from, to, e.text);
	buf_free(&doc);
	return rc;
}

#define LINE_OF(name) "  - {name: \"" name "\""
#define REFUSED(from, to) assert_int_equal(with(from, to), R_DOCUMENT_FORM)
#define ACCEPTED(from, to) assert_int_equal(with(from, to), 0)

static void goes_round(void **state)
{
	struct err e = {0};
	struct manifest *m = manifest_parse(sample, strlen(sample), &e);
	struct digest d;

	(void)state;
	assert_non_null(m);
	assert_true(m->sequence == 17 && m->volumes == 2 && m->files_n == 10 && m->destinations_n == 2 && m->witness_n == 1);
	assert_true(m->has_approvals && m->approvals.revision == 42 && m->part.last);
	assert_true(m->bytes.len == strlen(sample));
	assert_int_equal(digest_of(sample, strlen(sample), &d, &e), 0);
	assert_true(digest_equal(&d, &m->digest));
	for (size_t i = 0; i < m->files_n; i++)
		assert_ptr_equal(manifest_find(m, m->files[i].name), m->files + i);
	assert_false(manifest_find(m, "vol-0001.tar.zst")->has_sha256);
	assert_null(manifest_find(m, ""));
	assert_null(manifest_find(m, "vol-0003.yaml"));
	assert_null(manifest_find(m, NAMES_MANIFEST));
	manifest_free(m);
	manifest_free(NULL);
	assert_int_equal(judge(sample, strlen(sample), &e), 0);
}

static void approvals_and_their_file(void **state)
{
	(void)state;
	REFUSED("approvals: {epoch: 1, revision: 42, sha256: " LIST "}\n", "");
	REFUSED("revision: 42, sha256: " LIST, "revision: 42, sha256: " ELSE);
	REFUSED("size: 91234, sha256: " LIST, "size: 91234, sha256: " ELSE);
	REFUSED(LINE_OF("approvals.yaml") ", size: 91234, sha256: " LIST "}\n", "");
	REFUSED(", size: 91234, sha256: " LIST, ", size: 91234");
	REFUSED("size: 91234", "size: 0");
	ACCEPTED("size: 91234", "size: 50331648");
	REFUSED("size: 91234", "size: 50331649");
}

static void chain_of_trust(void **state)
{
	(void)state;
	REFUSED("version: 3", "version: 2");
	REFUSED("version: 3", "version: 4");
	REFUSED("version: 3, sha256: " ROOT, "version: 3, sha256: " ELSE);
	REFUSED("trust-2.yaml", "trust-1.yaml");
	REFUSED("trust-2.yaml", "trust-02.yaml");
	REFUSED(LINE_OF("trust-3.yaml") ", size: 900, sha256: " ROOT "}\n", "");
	ACCEPTED(LINE_OF("trust-2.yaml") ", size: 900, sha256: " ELSE "}\n", "");
	ACCEPTED("size: 900", "size: 262144");
	REFUSED("size: 900", "size: 262145");
}

static void signatures(void **state)
{
	(void)state;
	REFUSED("ddeeff.sig", "ddeef.sig");
	REFUSED("ddeeff.sig", "ddeefff.sig");
	REFUSED("ddeeff.sig", "ddeefF.sig");
	REFUSED("ddeeff.sig", "ddeeff.sigx");
	REFUSED("trust-3.yaml" SIG, "trust-4.yaml" SIG);
	REFUSED("trust-3.yaml" SIG, "trust-3.yaml" SIG SIG);
	REFUSED("approvals.yaml" SIG, "manifest.yaml" SIG);
	REFUSED("vol-0002.yaml\"", "vol-0001.yaml" SIG "\"");
	REFUSED("size: 64", "size: 0");
	ACCEPTED("size: 64", "size: 128");
	REFUSED("size: 64", "size: 129");
}

static void volumes(void **state)
{
	(void)state;
	REFUSED("vol-0002", "vol-0003");
	REFUSED("vol-0002", "vol-2");
	REFUSED("vol-0002", "vol-00002");
	REFUSED("vol-0002", "vol-4097");
	REFUSED("vol-0001", "vol-0000");
	REFUSED(LINE_OF("vol-0002.yaml") ", size: 40312, sha256: " ELSE "}\n", "");
	REFUSED(LINE_OF("vol-0002.tar.zst") ", size: 1, sha256: " ELSE "}\n", "");
	REFUSED("yaml\", size: 40312, sha256: " ELSE, "yaml\", size: 40312");
	ACCEPTED("size: 1, sha256: " ELSE, "size: 8588886016, sha256: " ELSE);
	REFUSED("size: 1, sha256: " ELSE, "size: 8588886017, sha256: " ELSE);
	REFUSED("size: 1, sha256: " ELSE, "size: 0, sha256: " ELSE);
	ACCEPTED("size: 40312", "size: 16777216");
	REFUSED("size: 40312", "size: 16777217");
	REFUSED("{count: 812, bytes", "{count: 0, bytes");
	ACCEPTED("{count: 812, bytes", "{count: 131072, bytes");
	REFUSED("{count: 812, bytes", "{count: 131073, bytes");
	ACCEPTED("bytes: 5368709120", "bytes: 4611686018427387904");
	REFUSED("bytes: 5368709120", "bytes: 4611686018427387905");
}

static void names(void **state)
{
	const char *bad[] = {"manifest.yaml", "../x", "VERIFY.txt\\\\", "verify.txt", "vol-0001.tar.gz", "x", "", "approvals.yaml ",
			     "/etc/passwd", "trust-.yaml", "trust-0.yaml", "vol-.yaml", ".sig"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		REFUSED("VERIFY.txt", bad[i]);
	ACCEPTED(LINE_OF("VERIFY.txt") ", size: 1000, sha256: " ELSE "}\n", "");
	ACCEPTED("size: 1000", "size: 1048576");
	REFUSED("size: 1000", "size: 1048577");
	REFUSED(LINE_OF("vol-0001.yaml"), LINE_OF("VERIFY.txt"));	/* twice */
	REFUSED("VERIFY.txt\", size: 1000", "vol-0001.yaml\", size: 1000");
}

static void head(void **state)
{
	(void)state;
	REFUSED("[\"perimeter-a\", \"perimeter-b\"]", "[\"perimeter-b\", \"perimeter-a\"]");
	REFUSED("[\"perimeter-a\", \"perimeter-b\"]", "[\"perimeter-a\", \"perimeter-a\"]");
	ACCEPTED("[\"perimeter-a\", \"perimeter-b\"]", "[]");
	assert_int_equal(with("[\"perimeter-a\", \"perimeter-b\"]", "[\"Perimeter-a\"]"), R_NAME);
	assert_int_equal(with("\"updates\"", "\"up/dates\""), R_NAME);
	ACCEPTED("witness: [{destination: \"perimeter-a\", counter: 11, journal: " ELSE "}]", "witness: []");
	REFUSED("witness: [{destination: \"perimeter-a\", counter: 11, journal: " ELSE "}]",
		"witness: [{destination: \"a\", counter: 11, journal: " ELSE "}, {destination: \"a\", counter: 12, journal: " ELSE "}]");
	REFUSED("sequence: 17", "sequence: 0");
	REFUSED("sequence: 17", "sequence: 18");
	ACCEPTED("{first: 17, number: 1, last: true}", "{first: 16, number: 2, last: false}");
	ACCEPTED("{first: 17, number: 1, last: true}", "{first: 10, number: 2, last: false}");
	REFUSED("{first: 17, number: 1, last: true}", "{first: 16, number: 1, last: true}");
	REFUSED("{first: 17, number: 1, last: true}", "{first: 16, number: 3, last: true}");
	REFUSED("{first: 17, number: 1, last: true}", "{first: 17, number: 2, last: true}");
	REFUSED("{first: 17, number: 1, last: true}", "{first: 18, number: 1, last: true}");
	REFUSED("{first: 17, number: 1, last: true}", "{first: 17, number: 0, last: true}");
	ACCEPTED("last: true", "last: false");
	REFUSED("last: true", "last: 1");
}

/* A list alone: no volumes, no objects; and content alone: no list. */
static void small_bundles(void **state)
{
	struct buf doc = {0};
	struct err e;
	const char *volumes = strstr(sample, LINE_OF("vol-0001.tar.zst"));
	const char *zero = "objects: {count: 0, bytes: 0}\n", *objects = strstr(sample, "objects:");

	(void)state;
	buf_append(&doc, sample, (size_t)(objects - sample));
	buf_puts(&doc, zero);
	objects = strchr(objects, '\n') + 1;
	buf_append(&doc, objects, (size_t)(volumes - objects));
	assert_int_equal(judge((const char *)doc.data, doc.len, &e), 0);
	*strstr((char *)doc.data, "bytes: 0") = 'b';
	strstr((char *)doc.data, "bytes: 0")[7] = '1';
	assert_int_equal(judge((const char *)doc.data, doc.len, &e), R_DOCUMENT_FORM);
	buf_clear(&doc);
	for (const char *line = sample; *line; line = strchr(line, '\n') + 1)
		if (strncmp(line, "approvals:", 10) && strncmp(line, LINE_OF("approvals.yaml"), 20))
			buf_append(&doc, line, (size_t)(strchr(line, '\n') + 1 - line));
	assert_int_equal(judge((const char *)doc.data, doc.len, &e), 0);
	buf_free(&doc);
}

/* Roots, as many as a chain may have, and one more. */
static void roots_at_the_limit_and_one_over(void **state)
{
	struct manifest m = {.stream = "s", .sequence = 1, .part = {1, 1, true}, .trust = {.version = MAX_TRUST_VERSIONS}};
	size_t n = MAX_TRUST_VERSIONS + 1;
	struct manifest_file *files = calloc(n, sizeof(*files));
	char **sorted = calloc(n, sizeof(char *));
	struct buf out = {0};
	struct err e = {0};

	(void)state;
	m.files = files;
	for (size_t over = 0; over < 2; over++) {
		m.files_n = MAX_TRUST_VERSIONS + over;
		m.trust.version = MAX_TRUST_VERSIONS + over;
		for (size_t i = 0, v = 0; i < m.files_n; i++, v = 0) {
			/* the i-th name in order of bytes */
			free(sorted[i]);
			sorted[i] = NULL;
			for (size_t k = 1; k <= m.files_n; k++) {
				char a[32], b[32];

				names_trust(k, a);
				if ((i == 0 || strcmp(a, sorted[i - 1]) > 0) && (v == 0 || strcmp(a, names_trust(v, b)) < 0))
					v = k;
			}
			sorted[i] = malloc(32);
			names_trust(v, sorted[i]);
			files[i] = (struct manifest_file){.name = sorted[i], .size = 1, .has_sha256 = true};
		}
		buf_clear(&out);
		assert_int_equal(manifest_encode(&m, &out, &e), over ? -1 : 0);
		assert_int_equal(e.reason, over ? R_TRUST_LIMIT : 0);
	}
	for (size_t i = 0; i < n; i++)
		free(sorted[i]);
	free(sorted);
	free(files);
	buf_free(&out);
}

static void volumes_at_the_limit_and_one_over(void **state)
{
	struct manifest m = {.stream = "s", .sequence = 1, .part = {1, 1, true}, .trust = {.version = 1}};
	size_t n = 2 * (MAX_VOLUMES + 1) + 1;
	struct manifest_file *files = calloc(n, sizeof(*files));
	char (*names_of)[32] = calloc(n, 32);
	struct buf out = {0};
	struct err e = {0};

	(void)state;
	m.files = files;
	m.objects.count = 1;
	for (uint64_t over = 0; over < 2; over++) {
		m.files_n = 2 * (MAX_VOLUMES + over) + 1;
		for (size_t i = 0; i < m.files_n; i++) {
			if (i == 0)
				names_trust(1, names_of[i]);
			else if (i % 2 == 1)
				names_volume(i / 2 + 1, names_of[i]);
			else
				names_volume_index(i / 2, names_of[i]);
			files[i] = (struct manifest_file){.name = names_of[i], .size = 1, .has_sha256 = true};
		}
		buf_clear(&out);
		assert_int_equal(manifest_encode(&m, &out, &e), over ? -1 : 0);
		assert_int_equal(e.reason, over ? R_DOCUMENT_FORM : 0);
	}
	free(files);
	free(names_of);
	buf_free(&out);
}

static void every_byte_mutated(void **state)
{
	char *doc = strdup(sample);
	size_t len = strlen(sample), refused = 0;
	struct err e;

	(void)state;
	for (size_t i = 0; i < len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			doc[i] = (char)(doc[i] ^ (1 << bit));
			refused += judge(doc, len, &e) != 0;
			doc[i] = sample[i];
		}
	assert_true(refused > len * 4);
	free(doc);
}

static void cut_anywhere(void **state)
{
	size_t len = strlen(sample);
	struct err e;

	(void)state;
	for (size_t i = 0; i < len; i++) {
		int rc = judge(sample, i, &e);

		/* all pairs of volumes before the cut are whole, and only then it is a manifest of its own */
		if (rc == 0)
			assert_true(!strncmp(sample + i, LINE_OF("vol-0002.tar.zst"), 20));
	}
}

static void too_large(void **state)
{
	struct err e = {0};

	(void)state;
	assert_null(manifest_parse("", MAX_MANIFEST_SIZE + 1, &e));	/* measured, not read */
	assert_int_equal(e.reason, R_DOCUMENT_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_round),
		cmocka_unit_test(approvals_and_their_file),
		cmocka_unit_test(chain_of_trust),
		cmocka_unit_test(signatures),
		cmocka_unit_test(volumes),
		cmocka_unit_test(names),
		cmocka_unit_test(head),
		cmocka_unit_test(small_bundles),
		cmocka_unit_test(roots_at_the_limit_and_one_over),
		cmocka_unit_test(volumes_at_the_limit_and_one_over),
		cmocka_unit_test(every_byte_mutated),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * S10: every vector of tests/attack/wycheproof.txt, on stdin, through pubkey_load and pubkey_verify. What is invalid there must
 * be no signature here, and what is valid one. Prints a row of the table of attacks for each set; exit 1 where one differs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/pubkey.h"

#include "lib/banned.h"

#define MAX_BYTES 8192

struct set {
	char name[64];
	unsigned valid, invalid, wrong;
};

static size_t unhex(const char *text, uint8_t out[MAX_BYTES])
{
	size_t len = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;

	for (size_t i = 0; i < len && i < MAX_BYTES; i++) {
		char two[3] = {text[2 * i], text[2 * i + 1], '\0'};

		out[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return len;
}

static void end_set(const struct set *s)
{
	if (s->name[0] != '\0')
		printf("attack S10 Wycheproof %s: %u valid and %u invalid signatures | 0 judged otherwise | %u judged otherwise\n",
		       s->name, s->valid, s->invalid, s->wrong);
}

static void judge(struct set *s, const struct pubkey *k, const char *result, const char *number, const char *msg, const char *sig)
{
	static uint8_t data[MAX_BYTES], signature[MAX_BYTES];
	size_t len = unhex(msg, data), sig_len = unhex(sig, signature);
	bool want = strcmp(result, "valid") == 0, good = k != NULL && pubkey_verify(k, data, len, signature, sig_len);

	*(want ? &s->valid : &s->invalid) += 1;
	if (good == want)
		return;
	s->wrong++;
	printf("    %s, test %s: %s there, %s here\n", s->name, number, result, good ? "valid" : "invalid");
}

int main(void)
{
	struct set s = {.name = ""};
	struct pubkey *k = NULL;
	static char line[65536];
	unsigned wrong = 0, tests = 0;
	static uint8_t der[MAX_BYTES];

	while (fgets(line, sizeof line, stdin) != NULL) {
		char *save = NULL, *word = strtok_r(line, " \n", &save), *more[3] = {0};
		struct err e = {0};

		for (size_t i = 0; i < 3; i++)
			more[i] = strtok_r(NULL, " \n", &save);
		if (word == NULL || word[0] == '#')
			continue;
		if (strcmp(word, "set") == 0) {
			end_set(&s);
			wrong += s.wrong;
			s = (struct set){.wrong = 0};
			snprintf(s.name, sizeof s.name, "%s", more[0]);
		} else if (strcmp(word, "key") == 0) {
			pubkey_free(k);
			k = pubkey_load(der, unhex(more[0], der), &e);
		} else {
			judge(&s, k, word, more[0], more[1], more[2]);
			tests++;
		}
	}
	end_set(&s);
	pubkey_free(k);
	return wrong + s.wrong > 0 || tests < 1000;
}

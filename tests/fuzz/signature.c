/*
 * Keys and signature files: the first byte chooses. Keys in DER and PEM, which have one form; signature files over a text,
 * none of which is good but the few that are known to be.
 */
#include <string.h>

#include "lib/base64.h"
#include "lib/pubkey.h"
#include "tests/fuzz/kit/fuzz.h"

static const char *const known[] = {	/* Ed25519, P-256, P-384 */
	"MCowBQYDK2VwAyEAO8G3ineAq2qTBIzjTQ2iibtHgawbsufk94L43GfUdis=",
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEs1ZiVKktGn9e4pEymKct1SyozuSitgM7Vzpp3aYUFcEoB5isdkLb9np1CtGkXzml24PMVmL7BSdOytlW3WLtdg==",
	"MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEAevTsxKn1VKs91zSDgePYzNoPgPjvuRBD9dwatwVztLh7AYrzoKgoP9+dWz4RixLn1KQmeXjMz0eOa6MwaBqpItGxJR0O7dIAIQ40+8Y6HED7zrPHUOoD+upV/cGpKlt",
};

static struct pubkey *load(const char *public)
{
	uint8_t der[PUBKEY_MAX_DER];
	struct pubkey *k;
	struct err e = {0};
	size_t n;

	MUST(base64_decode(public, strlen(public), der, sizeof der, &n) == 0);
	k = pubkey_load(der, n, &e);
	MUST(k != NULL);
	return k;
}

static void check_key(struct pubkey *k, const uint8_t *data, size_t len)
{
	const uint8_t *der;
	struct pubkey *again;
	struct err e = {0};
	char pem[512];
	size_t n;

	der = pubkey_der(k, &n);
	if (data != NULL)
		MUST(n == len && memcmp(der, data, n) == 0);
	MUST(pubkey_pem(k, pem, &e) == 0);
	again = pubkey_load_pem(pem, strlen(pem), &e);
	MUST(again != NULL && digest_equal(pubkey_id(k), pubkey_id(again)));
	pubkey_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct pubkey *keys[3];
	struct pubkey *k = NULL;
	struct err e = {0};

	if (len == 0)
		return 0;
	for (int i = 0; keys[0] == NULL || i < 3; i++)
		if (keys[i] == NULL)
			keys[i] = load(known[i]);
	if (data[0] % 5 < 3) {	/* none of these keys has ever signed this text */
		MUST(!pubkey_verify(keys[data[0] % 5], "satchel", 7, data + 1, len - 1));
		return 0;
	}
	k = data[0] % 5 == 3 ? pubkey_load(data + 1, len - 1, &e) : pubkey_load_pem((const char *)data + 1, len - 1, &e);
	if (k == NULL)
		fuzz_refused(&e);
	else
		check_key(k, data[0] % 5 == 3 ? data + 1 : NULL, len - 1);
	pubkey_free(k);
	return 0;
}

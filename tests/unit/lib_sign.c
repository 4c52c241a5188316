/*
 * lib/sign: keys that are made are keys that load and sign; files that others may read, and whatever is no such key,
 * are refused.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/sign.h"

static char top[256], path[300];

static int make_top(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(top, sizeof top, "%s/sign-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(top) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/key.pem", top);
	return 0;
}

static int remove_top(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(top);
}

static void put(const void *data, size_t len, mode_t mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void put_text(const char *s)
{
	put(s, strlen(s), 0600);
}

static int answer(void *arg, const char *name, char *out, size_t size, struct err *e)
{
	(void)e;
	assert_string_equal(name, path);
	snprintf(out, size, "%s", (const char *)arg);
	return 0;
}

static int dont_ask(void *arg, const char *name, char *out, size_t size, struct err *e)
{
	(void)arg;
	(void)name;
	(void)out;
	(void)size;
	(void)e;
	fail_msg("asked for the passphrase of a key that has none");
	return -1;
}

static void check_signs(const struct seckey *k)
{
	uint8_t sig[PUBKEY_MAX_SIGNATURE];
	size_t len = sizeof sig;

	assert_int_equal(sign_data(k, "text", 4, sig, &len, NULL), 0);
	assert_true(pubkey_verify(sign_public(k), "text", 4, sig, len));
	assert_false(pubkey_verify(sign_public(k), "texT", 4, sig, len));
	sig[len / 2] ^= 1;
	assert_false(pubkey_verify(sign_public(k), "text", 4, sig, len));
}

/* Every algorithm, with and without label and passphrase, through a file and back. */
static void round_trips(void **state)
{
	(void)state;
	for (int i = 0; i < 12; i++) {
		enum pubkey_algorithm a = (enum pubkey_algorithm)(PUBKEY_ED25519 + i % 3);
		const char *label = i / 3 % 2 != 0 ? "role: one" : NULL, *phrase = i >= 6 ? "correct horse" : NULL;
		struct passphrase ask = {phrase != NULL ? answer : dont_ask, (void *)(uintptr_t)phrase};
		struct seckey *k = sign_generate(a, NULL), *again;
		struct buf pem = {0};
		struct err e = {0};

		assert_non_null(k);
		assert_int_equal(pubkey_algorithm(sign_public(k)), a);
		check_signs(k);
		assert_int_equal(sign_pem(k, label, phrase, &pem, NULL), 0);
		assert_non_null(strstr((char *)pem.data, phrase != NULL ? "-----BEGIN ENCRYPTED PRIVATE KEY-----"
									: "-----BEGIN PRIVATE KEY-----"));
		put(pem.data, pem.len, 0600);
		again = sign_load(path, &ask, &e);
		assert_string_equal(e.text, "");
		assert_non_null(again);
		assert_true(digest_equal(pubkey_id(sign_public(k)), pubkey_id(sign_public(again))));
		check_signs(again);
		if (label != NULL)
			assert_string_equal(sign_label(again), label);
		else
			assert_null(sign_label(again));
		sign_free(again);
		sign_free(k);
		buf_wipe(&pem);
	}
	sign_free(NULL);
}

/* AES-256-CBC under PBKDF2 with many rounds, as stock OpenSSL reads it. */
static void encrypted_as_promised(void **state)
{
	struct seckey *k = sign_generate(PUBKEY_ED25519, NULL);
	struct buf pem = {0};
	BIO *bio;
	EVP_PKEY *p;
	char phrase[] = "pw";
	unsigned char *der;
	long len;
	char *type, *header;

	(void)state;
	assert_int_equal(sign_pem(k, "a label", phrase, &pem, NULL), 0);
	bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	p = PEM_read_bio_PrivateKey(bio, NULL, NULL, phrase);
	assert_non_null(p);
	EVP_PKEY_free(p);
	BIO_free(bio);
	bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	assert_int_equal(PEM_read_bio(bio, &type, &header, &der, &len), 1);
	assert_non_null(memmem(der, (size_t)len, "\x60\x86\x48\x01\x65\x03\x04\x01\x2a", 9));	/* aes256-CBC */
	assert_non_null(memmem(der, (size_t)len, "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c", 9));	/* PBKDF2 */
	assert_non_null(memmem(der, (size_t)len, "\x02\x03\x09\x27\xc0", 5));			/* 600000 */
	OPENSSL_free(type);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(bio);
	sign_free(k);
	buf_wipe(&pem);
}

static void refuse(int reason, const char *cause)
{
	struct err e = {0};

	assert_null(sign_load(path, NULL, &e));
	assert_int_equal(e.reason, reason);
	assert_non_null(strstr(e.text, path));
	if (strstr(e.text, cause) == NULL)
		fail_msg("\"%s\" where \"%s\" was expected", e.text, cause);
}

static void permissions(void **state)
{
	static const mode_t bad[] = {0640, 0604, 0620, 0602, 0610, 0601, 0644, 0666};
	struct seckey *k = sign_generate(PUBKEY_ED25519, NULL);
	struct buf pem = {0};

	(void)state;
	assert_int_equal(sign_pem(k, NULL, NULL, &pem, NULL), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		put(pem.data, pem.len, bad[i]);
		refuse(ERR_UNSAFE, "chmod 600");
	}
	sign_free(k);
	put(pem.data, pem.len, 0400);
	k = sign_load(path, NULL, NULL);
	assert_non_null(k);
	sign_free(k);
	buf_wipe(&pem);
}

static void wrong_passphrases(void **state)
{
	struct seckey *k = sign_generate(PUBKEY_ECDSA_P256, NULL);
	struct passphrase wrong = {answer, (char[]){"wrong"}}, empty = {answer, (char[]){""}};
	struct buf pem = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(sign_pem(k, NULL, "", &pem, &e), -1);
	assert_int_equal(e.reason, ERR_KEY);
	assert_int_equal(sign_pem(k, NULL, "right", &pem, NULL), 0);
	put(pem.data, pem.len, 0600);
	refuse(ERR_KEY, "none was given");
	err_clear(&e);
	assert_null(sign_load(path, &wrong, &e));
	assert_int_equal(e.reason, ERR_KEY);
	assert_non_null(strstr(e.text, "wrong passphrase"));
	assert_null(sign_load(path, &empty, NULL));
	sign_free(k);
	buf_wipe(&pem);
}

static void put_foreign(EVP_PKEY *p)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, p, NULL, NULL, 0, NULL, NULL), 1);
	len = BIO_get_mem_data(bio, &text);
	put(text, (size_t)len, 0600);
	BIO_free(bio);
	EVP_PKEY_free(p);
}

static void other_keys(void **state)
{
	(void)state;
	put_foreign(EVP_RSA_gen(1024));
	refuse(ERR_KEY, "RSA");
	put_foreign(EVP_EC_gen("secp256k1"));
	refuse(ERR_KEY, "another elliptic curve");
	put_foreign(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"));
	refuse(ERR_KEY, "Ed448");
}

/* An ECDSA key whose file holds another key's public half would give signatures that nobody can check. */
static void halves_must_match(void **state)
{
	EVP_PKEY *one = EVP_EC_gen("P-256"), *two = EVP_EC_gen("P-256");
	uint8_t *a = NULL, *b = NULL;
	int len = i2d_PrivateKey(one, &a);
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(one);
	uint8_t *der = NULL;
	int der_len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long text_len;

	(void)state;
	assert_int_equal(i2d_PrivateKey(two, &b), len);
	/* both encodings end in the public point */
	memcpy(der + der_len - 64, b + len - 64, 64);
	assert_true(PEM_write_bio(bio, "PRIVATE KEY", "", der, der_len) > 0);
	text_len = BIO_get_mem_data(bio, &text);
	put(text, (size_t)text_len, 0600);
	refuse(ERR_KEY, "");
	BIO_free(bio);
	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(info);
	OPENSSL_free(a);
	OPENSSL_free(b);
	EVP_PKEY_free(one);
	EVP_PKEY_free(two);
}

static void no_keys(void **state)
{
	char large[20000];
	struct seckey *k = sign_generate(PUBKEY_ED25519, NULL);
	struct buf pem = {0};
	char text[1000];

	(void)state;
	put_text("");
	refuse(ERR_KEY, "PEM");
	put_text("nonsense\n");
	refuse(ERR_KEY, "PEM");
	put_text("-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----\n");
	refuse(ERR_KEY, "damaged");
	put_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMC4CAQAw\n-----END ENCRYPTED PRIVATE KEY-----\n");
	refuse(ERR_KEY, "damaged");
	put_text("-----BEGIN EC PRIVATE KEY-----\nMC4CAQAw\n-----END EC PRIVATE KEY-----\n");
	refuse(ERR_KEY, "PKCS#8");
	memset(large, '\n', sizeof large);
	put(large, sizeof large, 0600);
	refuse(ERR_KEY, "too large");
	assert_int_equal(sign_pem(k, NULL, NULL, &pem, NULL), 0);
	snprintf(text, sizeof text, "one\ntwo\n%s", (char *)pem.data);
	put_text(text);
	refuse(ERR_KEY, "PEM");
	snprintf(text, sizeof text, "bell \a\n%s", (char *)pem.data);
	put_text(text);
	refuse(ERR_KEY, "PEM");
	unlink(path);
	refuse(ERR_MISSING, "No such file");
	assert_int_equal(mkfifo(path, 0600), 0);	/* must not wait for a writer */
	refuse(ERR_FILE_TYPE, "regular");
	sign_free(k);
	buf_wipe(&pem);
}

static void labels(void **state)
{
	struct seckey *k = sign_generate(PUBKEY_ED25519, NULL);
	struct buf pem = {0};
	char longest[130];

	(void)state;
	memset(longest, 'x', sizeof longest);
	longest[128] = '\0';
	assert_int_equal(sign_pem(k, longest, NULL, &pem, NULL), 0);
	longest[128] = 'x';
	longest[129] = '\0';
	assert_int_equal(sign_pem(k, longest, NULL, &pem, NULL), -1);
	assert_int_equal(sign_pem(k, "", NULL, &pem, NULL), -1);
	assert_int_equal(sign_pem(k, "a\nb", NULL, &pem, NULL), -1);
	assert_int_equal(sign_pem(k, "-----BEGIN PRIVATE KEY-----", NULL, &pem, NULL), -1);
	assert_int_equal(sign_pem(k, "caf\xc3\xa9", NULL, &pem, NULL), -1);
	sign_free(k);
	buf_wipe(&pem);
}

static void room_for_signatures(void **state)
{
	struct seckey *k = sign_generate(PUBKEY_ED25519, NULL);
	uint8_t sig[64];
	size_t len = 63;

	(void)state;
	assert_int_equal(sign_data(k, "a", 1, sig, &len, NULL), -1);
	len = 64;
	assert_int_equal(sign_data(k, "a", 1, sig, &len, NULL), 0);
	assert_int_equal(len, 64);
	sign_free(k);
}

static void passphrase_files(void **state)
{
	char out[32];
	struct err e = {0};

	(void)state;
	put_text("first line\nsecond\n");
	assert_int_equal(sign_ask(path, "k", out, sizeof out, NULL), 0);
	assert_string_equal(out, "first line");
	put_text("no end");
	assert_int_equal(sign_ask(path, "k", out, sizeof out, NULL), 0);
	assert_string_equal(out, "no end");
	put_text("windows\r\n");
	assert_int_equal(sign_ask(path, "k", out, sizeof out, NULL), 0);
	assert_string_equal(out, "windows");
	put_text("0123456789012345678901234567890\n");
	assert_int_equal(sign_ask(path, "k", out, sizeof out, NULL), 0);
	put_text("01234567890123456789012345678901\n");
	assert_int_equal(sign_ask(path, "k", out, sizeof out, &e), -1);
	assert_int_equal(e.reason, ERR_KEY);
	put_text("\nsecond\n");
	assert_int_equal(sign_ask(path, "k", out, sizeof out, NULL), -1);
	put("secret\n", 7, 0644);
	err_clear(&e);
	assert_int_equal(sign_ask(path, "k", out, sizeof out, &e), -1);
	assert_int_equal(e.reason, ERR_UNSAFE);
	unlink(path);
	err_clear(&e);
	assert_int_equal(sign_ask(path, "k", out, sizeof out, &e), -1);
	assert_int_equal(e.reason, ERR_MISSING);
}

/* Asks on a terminal of its own: a child that leads a session with a pseudo-terminal. Its exit status. */
static int with_terminal(const char *typed, char *shown, size_t size)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), status;
	size_t len = 0;
	ssize_t n;
	pid_t child;

	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char out[32];
		struct err e = {0};
		int tty;

		setsid();
		tty = open(ptsname(master), O_RDWR);	/* becomes the controlling terminal */
		close(master);
		if (tty == -1 || sign_ask(NULL, "a\x1b" "b", out, sizeof out, &e) == -1)
			_exit(1);
		_exit(strcmp(out, "secret") == 0 ? 0 : 2);
	}
	while (len < size - 1 && memmem(shown, len, ": ", 2) == NULL && (n = read(master, shown + len, size - 1 - len)) > 0)
		len += (size_t)n;
	assert_int_equal(write(master, typed, strlen(typed)), (ssize_t)strlen(typed));
	while (len < size - 1 && (n = read(master, shown + len, size - 1 - len)) > 0)
		len += (size_t)n;
	shown[len] = '\0';
	assert_int_equal(waitpid(child, &status, 0), child);
	close(master);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void passphrase_on_a_terminal(void **state)
{
	char shown[256];

	(void)state;
	assert_int_equal(with_terminal("secret\n", shown, sizeof shown), 0);
	assert_non_null(strstr(shown, "Passphrase of a\\x1bb: "));
	assert_null(strstr(shown, "secret"));
	assert_int_equal(with_terminal("\n", shown, sizeof shown), 1);
	assert_int_equal(with_terminal("sec\x03", shown, sizeof shown), 128 + SIGINT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trips), cmocka_unit_test(encrypted_as_promised), cmocka_unit_test(permissions),
		cmocka_unit_test(wrong_passphrases), cmocka_unit_test(other_keys), cmocka_unit_test(halves_must_match),
		cmocka_unit_test(no_keys), cmocka_unit_test(labels), cmocka_unit_test(room_for_signatures),
		cmocka_unit_test(passphrase_files), cmocka_unit_test(passphrase_on_a_terminal),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}

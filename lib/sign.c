/*
 * Private keys: making, reading, writing, signing. Refuses key files that others may read, keys whose public half
 * pubkey_load refuses, and passphrases that are empty. Whatever was secret is overwritten before it is freed.
 */
#include "lib/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/text.h"

#include "lib/banned.h"

#define MAX_FILE 16384	/* a P-384 key with its label line is below 1 KiB */
#define MAX_LABEL 128
#define MAX_PASSPHRASE 1024
#define PBKDF2_ROUNDS 600000	/* OWASP's figure for HMAC-SHA-256 */
#define DASHES "-----"

struct seckey {
	EVP_PKEY *pkey;
	struct pubkey *public;
	char *label;
};

/* Takes pkey over, also on error. */
static struct seckey *adopt(EVP_PKEY *pkey, struct err *e)
{
	struct seckey *k = calloc(1, sizeof *k);
	EVP_PKEY_CTX *ctx = NULL;
	uint8_t *der = NULL;
	int len, rc = -1;

	if (k == NULL) {
		EVP_PKEY_free(pkey);
		err_mem(e);
		return NULL;
	}
	k->pkey = pkey;
	len = i2d_PUBKEY(pkey, &der);
	if (len <= 0) {
		err_set(e, ERR_KEY, "key without a public half");
		goto out;
	}
	k->public = pubkey_load(der, (size_t)len, e);
	if (k->public == NULL)
		goto out;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	if (ctx == NULL || EVP_PKEY_pairwise_check(ctx) != 1) {
		err_set(e, ERR_KEY, "private and public half don't belong together");
		goto out;
	}
	rc = 0;
out:
	ERR_clear_error();
	EVP_PKEY_CTX_free(ctx);
	OPENSSL_free(der);
	if (rc == -1) {
		sign_free(k);
		return NULL;
	}
	return k;
}

struct seckey *sign_generate(enum pubkey_algorithm a, struct err *e)
{
	EVP_PKEY *pkey = NULL;

	if (digest_start(e) == -1)
		return NULL;
	switch (a) {
	case PUBKEY_ED25519:
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		break;
	case PUBKEY_ECDSA_P256:
		pkey = EVP_EC_gen("P-256");
		break;
	case PUBKEY_ECDSA_P384:
		pkey = EVP_EC_gen("P-384");
		break;
	}
	if (pkey == NULL) {
		ERR_clear_error();
		err_set(e, ERR_INTERNAL, "OpenSSL could not make a key");
		return NULL;
	}
	return adopt(pkey, e);
}

/* All of the file into out, after looking at the very descriptor that is read. */
static int read_private(const char *path, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), rc = -1;
	struct stat st;
	ssize_t n;

	if (fd == -1)
		return err_sys(e, "%s", path);
	if (fstat(fd, &st) == -1) {
		err_sys(e, "%s", path);
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(e, ERR_FILE_TYPE, "%s: not a regular file", path);
		goto out;
	}
	if ((st.st_mode & 077) != 0) {
		err_set(e, ERR_UNSAFE, "%s: others than its owner may read this private key; chmod 600 it", path);
		goto out;
	}
	if (buf_reserve(out, MAX_FILE + 1) == -1) {	/* at once: growing would leave copies behind */
		err_mem(e);
		goto out;
	}
	do {
		n = read(fd, out->data + out->len, MAX_FILE + 1 - out->len);
		if (n > 0)
			out->len += (size_t)n;
	} while ((n > 0 && out->len <= MAX_FILE) || (n == -1 && errno == EINTR));
	if (n == -1) {
		err_sys(e, "%s", path);
		goto out;
	}
	if (out->len > MAX_FILE) {
		err_set(e, ERR_KEY, "%s: too large for a private key", path);
		goto out;
	}
	rc = 0;
out:
	close(fd);
	return rc;
}

/* Takes one line of printable text off the front, where the PEM block doesn't begin at once. */
static int take_label(const char **text, size_t *len, char **label, struct err *e)
{
	const char *end;
	size_t n;

	if (*len >= strlen(DASHES) && memcmp(*text, DASHES, strlen(DASHES)) == 0)
		return 0;
	end = memchr(*text, '\n', *len);
	n = end == NULL ? 0 : (size_t)(end - *text);
	if (n == 0 || n > MAX_LABEL)
		return err_set(e, ERR_KEY, "no private key in PEM form");
	for (size_t i = 0; i < n; i++)
		if ((*text)[i] < 0x20 || (*text)[i] > 0x7e)
			return err_set(e, ERR_KEY, "no private key in PEM form");
	*label = strndup(*text, n);
	if (*label == NULL)
		return err_mem(e);
	*text += n + 1;
	*len -= n + 1;
	if (*len < strlen(DASHES) || memcmp(*text, DASHES, strlen(DASHES)) != 0)
		return err_set(e, ERR_KEY, "no private key in PEM form");
	return 0;
}

static PKCS8_PRIV_KEY_INFO *decrypt(const uint8_t *der, long len, const char *name, const struct passphrase *p,
				    struct err *e)
{
	char phrase[MAX_PASSPHRASE] = "";
	PKCS8_PRIV_KEY_INFO *info = NULL;
	X509_SIG *sealed = d2i_X509_SIG(NULL, &der, len);

	if (sealed == NULL) {
		err_set(e, ERR_KEY, "damaged private key");
	} else if (p == NULL) {
		err_set(e, ERR_KEY, "protected by a passphrase, and none was given");
	} else if (p->ask(p->arg, name, phrase, sizeof phrase, e) == 0) {
		info = PKCS8_decrypt(sealed, phrase, (int)strnlen(phrase, sizeof phrase));
		if (info == NULL)
			err_set(e, ERR_KEY, "wrong passphrase");
	}
	OPENSSL_cleanse(phrase, sizeof phrase);
	X509_SIG_free(sealed);
	return info;
}

/* The one PEM block in text. */
static EVP_PKEY *decode(const char *text, size_t len, const char *name, const struct passphrase *p, struct err *e)
{
	BIO *bio = BIO_new_mem_buf(text, (int)len);
	PKCS8_PRIV_KEY_INFO *info = NULL;
	EVP_PKEY *pkey = NULL;
	char *type = NULL, *header = NULL;
	unsigned char *der = NULL;
	const unsigned char *at;
	long der_len = 0;

	if (bio == NULL) {
		err_mem(e);
		goto out;
	}
	if (PEM_read_bio(bio, &type, &header, &der, &der_len) != 1 || header[0] != '\0') {
		err_set(e, ERR_KEY, "no private key in PEM form");
		goto out;
	}
	at = der;
	if (strcmp(type, PEM_STRING_PKCS8) == 0) {
		info = decrypt(at, der_len, name, p, e);
	} else if (strcmp(type, PEM_STRING_PKCS8INF) == 0) {
		info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, der_len);
	} else {
		err_set(e, ERR_KEY, "a PEM block \"%s\", where PKCS#8 is needed (\"%s\")", type, PEM_STRING_PKCS8INF);
		goto out;
	}
	if (info != NULL)
		pkey = EVP_PKCS82PKEY(info);
	if (pkey == NULL)
		err_set(e, ERR_KEY, "damaged private key");	/* unless decrypt said more */
out:
	ERR_clear_error();
	PKCS8_PRIV_KEY_INFO_free(info);
	OPENSSL_clear_free(der, der_len > 0 ? (size_t)der_len : 0);
	OPENSSL_free(header);
	OPENSSL_free(type);
	BIO_free(bio);
	return pkey;
}

struct seckey *sign_load(const char *path, const struct passphrase *p, struct err *e)
{
	struct buf file = {0};
	struct seckey *k = NULL;
	EVP_PKEY *pkey = NULL;
	char *label = NULL;
	const char *text;
	size_t len;

	if (digest_start(e) == -1 || read_private(path, &file, e) == -1)
		goto out;
	text = (const char *)file.data;
	len = file.len;
	if (take_label(&text, &len, &label, e) == 0)
		pkey = decode(text, len, path, p, e);
	if (pkey != NULL)
		k = adopt(pkey, e);
	if (k == NULL) {
		err_prefix(e, "%s", path);
		goto out;
	}
	k->label = label;
	label = NULL;
out:
	free(label);
	buf_wipe(&file);
	return k;
}

/* PKCS#8 under AES-256-CBC with a key by PBKDF2 (RFC 8018). */
static X509_SIG *encrypt(PKCS8_PRIV_KEY_INFO *info, const char *passphrase)
{
	X509_ALGOR *algorithm = PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), PBKDF2_ROUNDS, NULL, 16, NULL, NID_hmacWithSHA256);
	X509_SIG *sealed;

	if (algorithm == NULL)
		return NULL;
	sealed = PKCS8_set0_pbe(passphrase, (int)strlen(passphrase), info, algorithm);
	if (sealed == NULL)
		X509_ALGOR_free(algorithm);
	return sealed;
}

static int check_label(const char *label, struct err *e)
{
	size_t len = strlen(label);

	for (size_t i = 0; i < len; i++)
		if (label[i] < 0x20 || label[i] > 0x7e)
			return err_set(e, ERR_INTERNAL, "label of a key must be printable ASCII");
	if (len == 0 || len > MAX_LABEL || label[0] == '-')
		return err_set(e, ERR_INTERNAL, "label of a key must have 1 to %d characters", MAX_LABEL);
	return 0;
}

int sign_pem(const struct seckey *k, const char *label, const char *passphrase, struct buf *out, struct err *e)
{
	PKCS8_PRIV_KEY_INFO *info = NULL;
	X509_SIG *sealed = NULL;
	BIO *bio = NULL;
	char *text;
	long len;
	int rc = -1, done = 0;

	if (label != NULL && check_label(label, e) == -1)
		return -1;
	if (passphrase != NULL && passphrase[0] == '\0')
		return err_set(e, ERR_KEY, "empty passphrase");
	bio = BIO_new(BIO_s_secmem());
	info = EVP_PKEY2PKCS8(k->pkey);
	if (bio != NULL && info != NULL && passphrase == NULL)
		done = PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info);
	else if (bio != NULL && info != NULL && (sealed = encrypt(info, passphrase)) != NULL)
		done = PEM_write_bio_PKCS8(bio, sealed);
	if (done != 1) {
		err_set(e, ERR_INTERNAL, "private key could not be encoded");
		goto out;
	}
	len = BIO_get_mem_data(bio, &text);
	if (buf_reserve(out, MAX_FILE) == 0 && label != NULL)	/* at once: growing would leave copies behind */
		buf_printf(out, "%s\n", label);
	buf_append(out, text, (size_t)len);
	rc = buf_ok(out, e);
out:
	ERR_clear_error();
	X509_SIG_free(sealed);
	PKCS8_PRIV_KEY_INFO_free(info);
	BIO_free(bio);
	return rc;
}

void sign_free(struct seckey *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);	/* overwrites the key */
	pubkey_free(k->public);
	free(k->label);
	free(k);
}

const struct pubkey *sign_public(const struct seckey *k)
{
	return k->public;
}

const char *sign_label(const struct seckey *k)
{
	return k->label;
}

int sign_data(const struct seckey *k, const void *data, size_t len, uint8_t *sig, size_t *sig_len, struct err *e)
{
	const char *digest = NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int done;

	switch (pubkey_algorithm(k->public)) {
	case PUBKEY_ED25519:
		break;
	case PUBKEY_ECDSA_P256:
		digest = "SHA256";
		break;
	case PUBKEY_ECDSA_P384:
		digest = "SHA384";
		break;
	}
	done = ctx != NULL && EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, k->pkey, NULL) == 1 &&
	       EVP_DigestSign(ctx, sig, sig_len, data, len) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (done != 1)
		return err_set(e, ERR_INTERNAL, "signing failed");
	/* A fault while signing can give the key away; such a signature must not leave. */
	if (!pubkey_verify(k->public, data, len, sig, *sig_len)) {
		OPENSSL_cleanse(sig, *sig_len);
		return err_set(e, ERR_INTERNAL, "the signature just made is not good; the memory of this machine may be faulty");
	}
	return 0;
}

#define CTRL_C 3

/*
 * The first line of fd without its end, or all up to and with the character `stop` (0: none). 0, or -1 where there is
 * none or it is too long; errno is 0 then, unless reading failed.
 */
static int read_line(int fd, char stop, char *out, size_t size)
{
	size_t len = 0;

	errno = 0;
	for (;;) {
		char c;
		ssize_t n = read(fd, &c, 1);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0 || c == '\n')
			break;
		if (len + 1 >= size || c == '\0')
			return -1;
		out[len++] = c;
		if (c == stop)
			break;
	}
	if (len > 0 && out[len - 1] == '\r')
		len--;
	out[len] = '\0';
	return len == 0 ? -1 : 0;
}

/* A file, or a pipe that a password manager writes to ("<(pass show key)"). */
static int ask_file(const char *path, char *out, size_t size, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc = -1;
	struct stat st;

	if (fd == -1)
		return err_sys(e, "%s", path);
	if (fstat(fd, &st) == -1)
		err_sys(e, "%s", path);
	else if (S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
		err_set(e, ERR_UNSAFE, "%s: others than its owner may read this passphrase; chmod 600 it", path);
	else if ((rc = read_line(fd, 0, out, size)) == -1 && errno != 0)
		err_sys(e, "%s", path);
	else if (rc == -1)
		err_set(e, ERR_KEY, "%s: the first line must hold a passphrase of 1 to %zu bytes", path, size - 1);
	close(fd);
	return rc;
}

static void prompt(int tty, const char *name)
{
	struct buf line = {0};

	buf_puts(&line, "Passphrase of ");
	text_escape(&line, name, strlen(name));
	buf_puts(&line, ": ");
	if (!line.failed && write(tty, line.data, line.len) == -1)
		errno = 0;	/* reading will fail as well, and say so */
	buf_free(&line);
}

/*
 * Without echo. Signals wait until the terminal is as it was: Ctrl-C ends the line (as an extra end-of-line
 * character) and is then delivered as the signal it would have been.
 */
static int ask_terminal(const char *name, char *out, size_t size, struct err *e)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), rc = -1;
	struct termios was, quiet;
	sigset_t held, before;
	size_t len;

	if (tty == -1 || tcgetattr(tty, &was) == -1) {
		err_set(e, ERR_KEY, "a passphrase is needed, and there is no terminal to ask for it");
		if (tty != -1)
			close(tty);
		return -1;
	}
	sigemptyset(&held);
	for (const int *s = (const int[]){SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, 0}; *s != 0; s++)
		sigaddset(&held, *s);
	pthread_sigmask(SIG_BLOCK, &held, &before);
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	quiet.c_lflag |= ICANON;
	quiet.c_cc[VEOL] = CTRL_C;
	if (tcsetattr(tty, TCSAFLUSH, &quiet) == 0) {
		prompt(tty, name);
		rc = read_line(tty, CTRL_C, out, size);
		tcsetattr(tty, TCSAFLUSH, &was);
	}
	if (write(tty, "\n", 1) == -1)
		errno = 0;
	close(tty);
	len = strnlen(out, size);
	if (rc == 0 && len > 0 && out[len - 1] == CTRL_C) {
		rc = -1;
		raise(SIGINT);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc == 0 ? 0 : err_set(e, ERR_KEY, "no passphrase was given");
}

int sign_ask(void *arg, const char *name, char *out, size_t size, struct err *e)
{
	out[0] = '\0';
	return arg != NULL ? ask_file(arg, out, size, e) : ask_terminal(name, out, size, e);
}

/*
 * VERIFY.txt: how to check a bundle with openssl, sha256sum, zstd and tar alone, with the commands for these very keys
 * and files. It depends on nothing but what is named here, so that it can be made again and compared.
 */
#ifndef EXPORT_VERIFYTXT_H
#define EXPORT_VERIFYTXT_H

struct buf;
struct err;
struct manifest;
struct trust_chain;

/* m: all of the manifest but VERIFY.txt's own line. Appends the text to out. */
int verifytxt_write(const struct trust_chain *chain, const struct manifest *m, struct buf *out, struct err *e);

#endif

/*
 * What every fuzz target shares. A target is one file tests/fuzz/NAME.c with LLVMFuzzerTestOneInput: bytes that somebody
 * may have written, given to one parser, and what must hold afterwards. It is linked with libFuzzer (make fuzz), and with
 * kit/replay.c, which runs files through it (make check): tests/fuzz/corpus/NAME and tests/fuzz/regressions/NAME.
 */
#ifndef TESTS_FUZZ_KIT_FUZZ_H
#define TESTS_FUZZ_KIT_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct buf;
struct schema;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Ends the program where something doesn't hold that must hold for every input. */
#define MUST(x) ((x) ? (void)0 : fuzz_broken(#x, __FILE__, __LINE__))
void fuzz_broken(const char *what, const char *file, int line) __attribute__((noreturn));

/* A refusal must be one for people: a known reason, which is no defect of ours, and a text. Forgets it. (FUZZ_TALK in the
 * environment: prints it, to see what becomes of an input.) */
void fuzz_refused(struct err *e);
/* What was accepted has only one form: encoding it again gives the bytes it was read from. Frees `again`. */
void fuzz_same(struct buf *again, const void *data, size_t len);
/* A document type whose whole judgement is its schema: parse, and what holds of what is accepted; JSON too. */
void fuzz_document(const struct schema *s, const void *data, size_t len);
/* The same for what people write, which has many forms: what is accepted must be accepted again in its canonical one. */
void fuzz_config(const struct schema *s, const void *data, size_t len);
void fuzz_json(const struct schema *s, const void *value);

#endif

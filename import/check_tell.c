/*
 * What a check says: each damage with what became of it, and the sums. Refuses nothing.
 */
#include "import/check_impl.h"

#include <stdio.h>

#include "import/kept.h"
#include "import/mend.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/say.h"
#include "manifests/reason.h"

#include "lib/banned.h"

static unsigned long long ull(uint64_t n)
{
	return (unsigned long long)n;
}

/* What became of it, now that the names were seen to. */
static const char *fate(const struct checking *c, const struct check_bad *b)
{
	struct err none = {0};

	if (b->reason == R_STORE_DAMAGED)
		return "put right";
	if (b->kind == OBJECTS_VARIANT)
		return "made anew";
	if (objects_needed(c->run.objects, &b->digest, &none) == 0)
		return "taken from a published file that has them";
	return b->reason == R_OBJECT_MISSING ? "noted as lost" : "set aside";
}

static const char *what(const struct check_bad *b)
{
	switch (b->reason) {
	case R_OBJECT_MISSING:
		return "it is gone, and is needed";
	case R_STORE_DAMAGED:
		return "its mode is not the one of an object";
	case ERR_IO:
		return "it can't be read";
	default:
		return "its bytes have another digest";
	}
}

void check_bad_path(const struct check_bad *b, char out[OBJECTS_FILE])
{
	char hex[DIGEST_HEX + 1];

	digest_hex(&b->digest, hex);
	snprintf(out, OBJECTS_FILE, "%.2s/%s%s", hex, hex, b->rest);
}

int check_tell_bad(struct checking *c, const struct check_bad *b, struct err *e)
{
	const struct place *where = places_find(&c->places, &b->digest);
	const char *item = where == NULL ? NULL : where->item, *path = item == NULL ? NULL : where->path;
	const char *done = fate(c, b);
	struct err line = {0};
	json_t *o = json_object();
	char file[OBJECTS_FILE + 16], below[OBJECTS_FILE];

	check_bad_path(b, below);
	snprintf(file, sizeof file, "objects/%s", below);
	err_set(&line, b->reason, "%s: %s: %s%s%s%s%s", file, what(b), done, item == NULL ? "" : "; ",
		item == NULL ? "" : item, path == NULL ? "" : ": ", path == NULL ? "" : path);
	say_error(&line);
	err_clear(&line);
	json_put_text(o, "file", file);
	json_put_text(o, "reason", reason_word(b->reason));
	json_put_text(o, "done", done);
	if (item != NULL)
		json_put_text(o, "item", item);
	if (path != NULL)
		json_put_text(o, "path", path);
	say_object(json_incref(o));
	return run_note(&c->run, "damaged", o, e);
}

int check_tell_list(void *arg, const struct list_ref *ref, const struct err *why, struct err *e)
{
	struct checking *c = arg;
	json_t *o = json_object();

	c->lists++;
	say_error(why);
	json_put_number(o, "epoch", ref->epoch);
	json_put_number(o, "list", ref->revision);
	json_put_text(o, "reason", reason_word(why->reason));
	json_put_text(o, "text", why->text);
	say_object(json_incref(o));
	return run_change(&c->run, e) == -1 ? -1 : run_log(&c->run, "damaged", o, e);
}

int check_tell_mended(void *arg, const struct mend_told *t, struct err *e)
{
	struct checking *c = arg;
	struct err line = {0};
	json_t *o = json_object();

	c->mended++;
	err_set(&line, t->reason, "%s: %s: %s", t->place, t->text, t->done);
	say_error(&line);
	err_clear(&line);
	json_put_text(o, "file", t->place);
	json_put_text(o, "reason", reason_word(t->reason));
	json_put_text(o, "done", t->done);
	say_object(json_incref(o));
	return run_note(&c->run, "damaged", o, e);
}

int check_tell_done(struct checking *c, struct err *e)
{
	char sample[48], size[24];
	json_t *o = json_object();

	snprintf(sample, sizeof sample, "%llu/%llu", ull(c->sample.n), ull(c->sample.m));
	json_put_text(o, "sample", sample);
	json_put_number(o, "files", c->files);
	json_put_number(o, "bytes", c->bytes);
	json_put_number(o, "damaged", c->bad_n);
	json_put_number(o, "not_healed", c->waiting);
	json_put_number(o, "mended", c->mended);
	say_object(json_incref(o));
	say_line("%s: %s of objects, %s, hashed: %zu damaged", c->run.store.config.name, num_of(c->files, "file"),
		 num_format_size(c->bytes, size), c->bad_n);
	if (c->waiting > 0 && c->lost > 0)
		say_line("%s set aside before and not healed yet", num_of(c->waiting, "object"));
	if (c->mended > 0)
		say_line("%s in published trees put right", num_of(c->mended, "name"));
	if (c->lost > 0)
		say_note("apply a bundle that carries these objects; a receipt asks for just them");
	return run_log(&c->run, "checked", o, e);
}

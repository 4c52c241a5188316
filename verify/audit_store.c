/*
 * `satchel-verify store`: a store against what it must be: trust, permissions, journal, lists, both trees of every stream, every
 * object. Whatever differs is named with its path below the store and its reason.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/num.h"
#include "lib/say.h"
#include "lib/walk.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "verify/audit_objects.h"
#include "verify/audit_strays.h"
#include "verify/audit_stream.h"
#include "verify/audit_told.h"
#include "verify/commands.h"
#include "verify/report.h"
#include "verify/store.h"
#include "verify/terms.h"

#include "lib/banned.h"

const struct option_def audit_store_options[] = {
	{.name = "trust", .value = "FILE", .help = "a trust root of the store's chain, as you got it on a way of its own"},
	{.name = "sample", .value = "N/M", .help = "hash only part N of M of the objects; parts 1/7 to 7/7 are all of them"},
	TERMS_OPTIONS,
	{0}
};

struct run {
	struct terms terms;
	struct audit_sample sample;
	struct store store;
	struct report report;
	struct audit_objects objects;
	uint64_t journal;
	struct digest head;
};

/* What ends one part of the audit is a finding, and the others go on; errors of the machine end it. */
static int settle(struct run *run, const char *place, int rc, struct err *e)
{
	if (rc == 0)
		return 0;
	if (report_is_fatal(e))
		return -1;
	report_err(&run->report, place, e);
	return 0;
}

/* ---- trust and permissions ---- */

/* The root the auditor brought must be one of the store's chain; what older roots alone judged is then said. */
static int compare_trust(struct run *run, const char *path, struct err *e)
{
	struct trust_chain ours = {0};
	const struct trust *mine, *its;

	if (terms_pin(&run->terms, path, &ours, e) == -1)
		return -1;
	mine = trust_chain_newest(&ours);
	its = trust_chain_at(&run->store.chain, mine->version);
	if (its == NULL)
		report_finding(&run->report, R_TRUST_CHAIN, "trust", "root %llu, given with --trust, is not in its chain: %llu to %llu",
			       (unsigned long long)mine->version, (unsigned long long)run->store.chain.roots[0]->version,
			       (unsigned long long)trust_chain_newest(&run->store.chain)->version);
	else if (!digest_equal(&its->digest, &mine->digest))
		report_finding(&run->report, R_TRUST_CHAIN, "trust", "its root %llu is not the one given with --trust",
			       (unsigned long long)mine->version);
	else if (mine->version > run->store.chain.roots[0]->version)
		report_note(&run->report, "trust", "roots %llu to %llu are older than the one given with --trust, which can't prove them",
			    (unsigned long long)run->store.chain.roots[0]->version, (unsigned long long)mine->version - 1);
	trust_chain_free(&ours);
	return 0;
}

/* The newest root that was there at the time it is judged as of. */
static void note_expiry(struct run *run)
{
	const struct trust_chain *c = &run->store.chain;
	const struct trust *root = c->roots[0];
	char when[32];

	for (size_t i = 1; i < c->n && c->roots[i]->issued - run->terms.now <= MAX_CLOCK_AHEAD; i++)
		root = c->roots[i];
	if (root->expires <= run->terms.now)
		report_note(&run->report, "trust", "root %llu expired at %s", (unsigned long long)root->version,
			    num_format_time(root->expires, when));
}

/* Keys are no auditor's business: that this one is kept from whoever audits is as it must be. */
static void missing_mode(struct report *r, const char *path, int sys)
{
	if (sys == EACCES && strncmp(path, "keys/", 5) == 0)
		report_note(r, path, "it can't be looked at by this user");
	else
		report_finding(r, R_STORE_DAMAGED, path, "%s", strerror(sys));
}

static void check_modes(struct run *run)
{
	static const struct { const char *path; mode_t kind, mask; const char *must; } rows[] = {
		{"store.yaml", S_IFREG, 022, "others must not write it"},
		{"trust", S_IFDIR, 022, "others must not write it"},
		{"keys", S_IFDIR, 022, "others must not write it"},
		{"keys/receipt.key", S_IFREG, 077, "others must not read or write it"},
		{"keys/receipt.pub", S_IFREG, 022, "others must not write it"},
		{"objects", S_IFDIR, 022, "others must not write it"},
		{"streams", S_IFDIR, 022, "others must not write it"},
		{"published", S_IFDIR, 022, "others must not write it"},
		{"stage", S_IFDIR, 077, "others must not enter it"},
		{"journal.jsonl", S_IFREG, 022, "others must not write it"},
	};
	char text[STORE_STRANGER];
	struct stat st;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (fstatat(run->store.dir.fd, rows[i].path, &st, AT_SYMLINK_NOFOLLOW) == -1)
			missing_mode(&run->report, rows[i].path, errno);
		else if ((st.st_mode & S_IFMT) != rows[i].kind)
			report_finding(&run->report, R_STORE_DAMAGED, rows[i].path, "it is of another type");
		else if ((st.st_mode & rows[i].mask) != 0)
			report_finding(&run->report, ERR_UNSAFE, rows[i].path, "its mode is %04o: %s",
				       (unsigned)st.st_mode & 07777, rows[i].must);
		else if (store_stranger(&run->store, &st, text))
			report_finding(&run->report, ERR_UNSAFE, rows[i].path, "%s", text);
	}
}

/* What decides about the trees: roots, lists, states. Objects and trees are looked at one by one. */
static enum walk_verdict check_deciding(void *arg, const struct walk_entry *w, struct err *e)
{
	struct run *run = arg;
	char text[STORE_STRANGER];

	(void)e;
	if (strchr(w->path, '/') == NULL)	/* check_modes */
		return strcmp(w->name, "trust") == 0 || strcmp(w->name, "streams") == 0 ? WALK_ON : WALK_SKIP;
	if (w->leaving)
		return WALK_ON;
	if (!audit_strays_known(&run->store, w->path, &run->report))
		return WALK_SKIP;
	if (w->sys != 0 || S_ISLNK(w->st.st_mode))
		return WALK_ON;
	if ((w->st.st_mode & 022) != 0)
		report_finding(&run->report, ERR_UNSAFE, w->path, "its mode is %04o: others must not write it",
			       (unsigned)w->st.st_mode & 07777);
	if (store_stranger(&run->store, &w->st, text))
		report_finding(&run->report, ERR_UNSAFE, w->path, "%s", text);
	return strcmp(w->name, "tree") == 0 ? WALK_SKIP : WALK_ON;
}

/* Servers serve from published/: nothing else may lie there. */
static int check_published(struct run *run, struct err *e)
{
	int fd = openat(run->store.dir.fd, "published", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	char place[300];

	if (d == NULL) {
		if (fd != -1)
			close(fd);
		return fd == -1 && errno != EACCES && errno != EIO ? 0 : err_sys(e, "published");
	}
	while (errno = 0, (entry = readdir(d)) != NULL) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || store_stream(&run->store, name) != NULL)
			continue;
		snprintf(place, sizeof place, "published/%s", name);
		report_finding(&run->report, R_STORE_DAMAGED, place, "it belongs to no stream of the store");
	}
	if (errno != 0) {
		closedir(d);
		return err_sys(e, "published");
	}
	closedir(d);
	return 0;
}

/* ---- the parts ---- */

static void say_stream(const struct store_stream *stream, const struct audit_stream *found)
{
	json_t *o;

	if (!say_json()) {
		if (found->list == 0)
			say_line("streams/%s: %s; nothing published from a complete list", stream->stream,
				 num_of(found->lists, "list"));
		else
			say_line("streams/%s: list %llu, %s, %s, %s; %s", stream->stream,
				 (unsigned long long)found->list, num_of(found->items, "item"), num_of(found->files, "file"),
				 num_of(found->links, "link"), num_of(found->lists, "list"));
		return;
	}
	o = json_object();
	json_put_text(o, "stream", stream->stream);
	json_put_number(o, "lists", found->lists);
	if (found->list != 0) {
		json_put_number(o, "epoch", found->epoch);
		json_put_number(o, "revision", found->list);
	}
	json_put_number(o, "items", found->items);
	json_put_number(o, "files", found->files);
	json_put_number(o, "links", found->links);
	say_object(o);
}

static int check_streams(struct run *run, struct err *e)
{
	for (size_t i = 0; i < run->store.config.streams_n; i++) {
		const struct store_stream *stream = &run->store.config.streams[i];
		struct audit_stream found;
		char place[MAX_NAME_LEN + 16];

		snprintf(place, sizeof place, "streams/%s", stream->stream);
		if (settle(run, place, audit_stream(&run->store, stream, run->terms.now, &run->report, &found, e), e) == -1)
			return -1;
		say_stream(stream, &found);
	}
	return 0;
}

static void say_summary(const struct run *run, bool good)
{
	char size[24], hex[DIGEST_HEX + 1];
	json_t *o;

	if (!say_json()) {
		say_line("objects: %s, %s hashed; journal: %s%s%s",
			 num_of(run->objects.files, "file"), num_format_size(run->objects.bytes, size),
			 run->journal == 0 ? "can't be followed to its end" : num_of(run->journal, "line"), run->journal == 0 ? "" : ", head ",
			 run->journal == 0 ? "" : digest_hex(&run->head, hex));
		say_line("%s: %s; %s, %s", run->store.config.name, good ? "good" : "NOT GOOD",
			 num_of(run->report.findings, "finding"), num_of(run->report.notes, "note"));
		return;
	}
	o = json_object();
	json_put_text(o, "store", run->store.config.name);
	json_put(o, "good", json_boolean(good));
	json_put_number(o, "object_files", run->objects.files);
	json_put_number(o, "object_bytes", run->objects.bytes);
	json_put_number(o, "journal_length", run->journal);
	json_put_text(o, "journal_head", digest_hex(&run->head, hex));
	json_put_number(o, "findings", run->report.findings);
	json_put_number(o, "notes", run->report.notes);
	say_object(o);
}

static int check(struct run *run, const char *trust, struct err *e)
{
	if (trust != NULL && compare_trust(run, trust, e) == -1)
		return -1;
	note_expiry(run);
	check_modes(run);
	if (settle(run, "streams", walk_tree(&run->store.dir, 8, check_deciding, run, e), e) == -1 ||
	    settle(run, "published", check_published(run, e), e) == -1 ||
	    audit_told_store(&run->store, &run->report, &run->journal, &run->head, e) == -1 || check_streams(run, e) == -1 ||
	    settle(run, "objects", audit_objects(&run->store, &run->sample, run->terms.jobs, &run->report, &run->objects, e), e) == -1)
		return -1;
	say_summary(run, run->report.findings == 0);
	return report_exit(&run->report);
}

/* ---- the command ---- */

/* What makes a store unfit to be looked at any further differs all the same. */
static bool differs(const struct err *e)
{
	return e->reason == R_TRUST_DAMAGED || e->reason == ERR_UNSAFE;
}

/* The first line says whose trust this is. */
static void say_trust(struct report *r)
{
	static const char text[] = "judged by the store's own trust root: no --trust was given";

	if (say_json())
		report_note(r, "trust", text);
	else
		say_line("%s", text);
}

int audit_store_run(const struct args *a, struct err *e)
{
	struct run run = {.report = REPORT_EMPTY};
	const char *trust = args_get(a, "trust");
	int rc;

	if (args_expect(a, 1, 1, e) == -1 || terms_parse(a, &run.terms, e) == -1 ||
	    audit_sample_parse(args_get(a, "sample"), &run.sample, e) == -1)
		return -1;
	rc = store_open(args_at(a, 0), &run.store, e);
	if (rc == -1 && !differs(e))
		return -1;
	if (trust == NULL)
		say_trust(&run.report);
	if (rc == -1) {
		report_err(&run.report, args_at(a, 0), e);
		return report_exit(&run.report);
	}
	rc = store_as_of(&run.store, run.terms.trust_max, e) == 0 ? check(&run, trust, e) : -1;
	store_close(&run.store);
	return rc;
}

/*
 * Lists come into a store, are judged again under a new root, and go. Stands between admit (which said yes) and effect
 * (which asks what is there). Refuses nothing by itself.
 */
#include "import/lists.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "import/kept.h"
#include "import/run.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/outfile.h"
#include "lib/say.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "verify/rollback.h"
#include "verify/unseal.h"

#include "lib/banned.h"

#define PATH_LEN (MAX_NAME_LEN + 96)
#define ROOT_TEXT 32
#define STAGED "list-"		/* what this file makes in stage/ begins so */

static char *path_of(const char *stream, uint64_t epoch, uint64_t revision, const char *file, char out[PATH_LEN])
{
	snprintf(out, PATH_LEN, "streams/%s/lists/%llu-%llu%s%s", stream, (unsigned long long)epoch,
		 (unsigned long long)revision, *file ? "/" : "", file);
	return out;
}

/* Of a directory that nobody sees yet: whoever moves it to its place syncs it. */
static int put(const struct file *dir, const char *name, const void *data, size_t len, struct err *e)
{
	struct file f = FILE_CLOSED;
	int rc = -1;

	if (file_create_at(dir, name, 0644, &f, e) == 0 && file_write(&f, data, len, e) == 0)
		rc = file_sync(&f, e);
	file_close(&f);
	return rc;
}

static int put_signatures(const struct file *dir, const struct approvals *a, const struct signatures *found,
			  const struct trust *root, struct err *e)
{
	struct digest who[MAX_KEYS];
	size_t good = trust_count(root, ROLE_APPROVER, a->bytes.data, a->bytes.len, found, who);
	char name[NAMES_SIGNATURE_LEN];

	if (good < root->roles.role[ROLE_APPROVER].threshold)	/* memory ran out: a list kept without them is none */
		return err_set(e, ERR_MEMORY, "the list's signatures, which were good before, can't be checked again");
	for (size_t i = 0; i < found->n; i++)
		for (size_t k = 0; k < good; k++) {
			const struct signature *s = &found->list[i];

			if (digest_equal(&s->key, &who[k]) &&
			    put(dir, names_signature(NAMES_APPROVALS, &s->key, name), s->bytes, s->len, e) == -1)
				return -1;
		}
	return 0;
}

static size_t root_text(uint64_t version, char out[ROOT_TEXT])
{
	return (size_t)snprintf(out, ROOT_TEXT, "%llu\n", (unsigned long long)version);
}

static int fill(const struct file *dir, const struct approvals *a, const struct signatures *found,
		const struct trust *root, struct err *e)
{
	char text[ROOT_TEXT];

	if (put_signatures(dir, a, found, root, e) == -1 || put(dir, "root", text, root_text(root->version, text), e) == -1)
		return -1;
	return put(dir, NAMES_APPROVALS, a->bytes.data, a->bytes.len, e);
}

/* Moves a folder within the store, or with RENAME_EXCHANGE exchanges two, and syncs both parents. */
static int move(const struct store *s, const char *from, const char *to, unsigned flags, struct err *e)
{
	struct file a = FILE_CLOSED, b = FILE_CLOSED;
	const char *from_name, *to_name;
	int rc = -1;

	if (file_open_parent_at(&s->dir, from, &a, &from_name, e) == -1 ||
	    file_open_parent_at(&s->dir, to, &b, &to_name, e) == -1)
		goto out;
	if (renameat2(a.fd, from_name, b.fd, to_name, flags) == -1) {
		err_sys(e, "%s/%s", s->dir.name, to);
		goto out;
	}
	rc = file_sync(&b, e) == -1 ? -1 : file_sync(&a, e);
out:
	file_close(&a);
	file_close(&b);
	return rc;
}

int lists_commit(const struct store *s, const struct approvals *a, const struct signatures *found, struct err *e)
{
	const char *staged = "stage/" STAGED "new";
	struct file dir = FILE_CLOSED;
	char path[PATH_LEN];
	bool there;
	int rc = -1;

	/* whoever lost the directory gets its lists back by a bundle, like any list that is gone */
	snprintf(path, sizeof path, "streams/%s/lists", a->stream);
	if (file_make_dirs_at(&s->dir, path, 0755, e) == -1)
		return -1;
	path_of(a->stream, a->epoch, a->revision, "", path);
	there = faccessat(s->dir.fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	if (file_remove_tree_at(&s->dir, staged, e) == -1 || file_make_dir_at(&s->dir, staged, 0755, e) == -1 ||
	    file_open_dir_at(&s->dir, staged, &dir, e) == -1)
		goto out;
	if (fill(&dir, a, found, trust_chain_newest(&s->chain), e) == -1 || file_sync(&dir, e) == -1)
		goto out;
	rc = move(s, staged, path, there ? RENAME_EXCHANGE : 0, e);
	if (rc == 0 && there)
		rc = file_remove_tree_at(&s->dir, staged, e);
out:
	file_close(&dir);
	return rc;
}

int lists_drop(const struct store *s, const char *stream, uint64_t epoch, uint64_t revision, struct err *e)
{
	const char *staged = "stage/" STAGED "old";
	char path[PATH_LEN];

	if (file_remove_tree_at(&s->dir, staged, e) == -1 ||
	    move(s, path_of(stream, epoch, revision, "", path), staged, 0, e) == -1)
		return -1;
	return file_remove_tree_at(&s->dir, staged, e);
}

int lists_sweep(const struct store *s, struct err *e)
{
	if (file_remove_tree_at(&s->dir, "stage/" STAGED "new", e) == -1)
		return -1;
	return file_remove_tree_at(&s->dir, "stage/" STAGED "old", e);
}

/* The root that judged a kept list. */
static int judged_by(const struct file *dir, uint64_t *version, struct err *e)
{
	struct buf text = {0};
	int rc = file_read_all_at(dir, "root", 32, &text, e);

	if (rc == 0 && (text.len < 2 || text.data[text.len - 1] != '\n' ||
			num_parse((const char *)text.data, text.len - 1, 1, MAX_REVISION, version) == -1))
		rc = err_set(e, R_STORE_DAMAGED, "%s/root: not the version of a trust root", dir->name);
	buf_free(&text);
	return rc;
}

/* Judges one kept list by a root: 0, or -1 with the reason in *why; e is for what has nothing to do with the list. */
static int judge(const struct file *dir, const struct trust *root, struct err *why, struct err *e)
{
	struct signatures found = {0};
	struct buf bytes = {0};
	struct approvals *a = NULL;
	int rc = -1;

	if (file_read_all_at(dir, NAMES_APPROVALS, MAX_APPROVALS_SIZE, &bytes, e) == -1 ||
	    signatures_collect(&found, root, ROLE_APPROVER, NAMES_APPROVALS, store_signature, (void *)(uintptr_t)dir, e) == -1)
		goto out;
	a = unseal_list(bytes.data, bytes.len, &found, root, why);
	if (a != NULL && a->epoch != root->epoch)
		err_set(why, R_JUMP, "epoch %llu, and that of trust root %llu is %llu", (unsigned long long)a->epoch,
			(unsigned long long)root->version, (unsigned long long)root->epoch);
	rc = 0;
out:
	approvals_free(a);
	signatures_free(&found);
	buf_free(&bytes);
	return rc;
}

static int tell_dropped(struct run *r, const char *stream, const struct list_ref *ref, const struct err *why, struct err *e)
{
	json_t *o = json_object();

	json_put_text(o, "stream", stream);
	json_put_number(o, "epoch", ref->epoch);
	json_put_number(o, "revision", ref->revision);
	json_put_text(o, "reason", reason_word(why->reason));
	json_put_text(o, "text", why->text);
	say_warn("%s: list %llu no longer stands under trust root %llu: %s", stream, (unsigned long long)ref->revision,
		 (unsigned long long)trust_chain_newest(&r->store.chain)->version, why->text);
	return run_log(r, "list-dropped", o, e);
}

/* One list: fine, brought up to date, or dropped (1). */
static int judge_one(struct run *r, const char *stream, const struct list_ref *ref, struct err *e)
{
	const struct trust *root = trust_chain_newest(&r->store.chain);
	struct file dir = FILE_CLOSED;
	struct err why = {0};
	char path[PATH_LEN];
	struct digest is;
	char text[ROOT_TEXT];
	uint64_t version;
	int rc = -1, kept;

	if (file_open_dir_at(&r->store.dir, path_of(stream, ref->epoch, ref->revision, "", path), &dir, e) == -1)
		goto out;
	if (judged_by(&dir, &version, &why) == 0 && (version >= root->version || r->dry)) {
		rc = 0;
		goto out;
	}
	kept = kept_judge(&r->store, stream, ref, &is, e);
	if (kept != KEPT_WHOLE) {	/* a damaged one can't lose its signers: whoever needs it says so */
		rc = kept == -1 ? -1 : 0;
		goto out;
	}
	if (why.reason != ERR_NONE) {
		*e = why;
		goto out;
	}
	if (judge(&dir, root, &why, e) == -1 || run_change(r, e) == -1)
		goto out;
	if (why.reason == ERR_NONE) {
		rc = outfile_put(&dir, "root", 0644, text, root_text(root->version, text), e);
	} else if (why.reason == ERR_MEMORY) {
		*e = why;
	} else if (tell_dropped(r, stream, ref, &why, e) == 0) {
		rc = lists_drop(&r->store, stream, ref->epoch, ref->revision, e) == -1 ? -1 : 1;
	}
out:
	file_close(&dir);
	return rc;
}

int lists_judge_again(struct run *r, const char *stream, bool *dropped, struct err *e)
{
	struct kept_lists kept = {0};
	struct rollback *back = NULL;
	struct state *now = NULL;
	char tree;
	int rc = -1;

	*dropped = false;
	if (state_current(&r->store, stream, &tree, e) == -1 || state_lists(&r->store, stream, &kept, e) == -1)
		return -1;
	if ((tree != 0 && state_load(&r->store, stream, tree, &now, e) == -1) ||
	    rollback_load(&r->store, stream, &back, e) == -1)
		goto out;
	for (size_t i = tree != 0 && now == NULL ? 0 : kept.n; i-- > 0;) {	/* what is in effect can't be told: all stay for now */
		int got;

		if (back != NULL && state_compare(&kept.refs[i], &back->complete) <= 0)
			break;	/* it was fully in effect, and would be again without the rollback */
		if (now != NULL && now->has_complete && state_compare(&kept.refs[i], &now->complete) <= 0)
			break;
		got = judge_one(r, stream, &kept.refs[i], e);
		if (got == -1)
			goto out;
		*dropped = *dropped || got == 1;
	}
	rc = 0;
out:
	state_free(now);
	rollback_free(back);
	state_lists_free(&kept);
	return rc;
}

/* Whether a tree publishes items from this list: its approval must stay provable. */
static bool is_used(struct state *const trees[2], const struct list_ref *ref)
{
	for (int t = 0; t < 2; t++)
		for (size_t i = 0; trees[t] != NULL && i < trees[t]->items_n; i++)
			if (trees[t]->items[i].epoch == ref->epoch && trees[t]->items[i].list == ref->revision)
				return true;
	return false;
}

int lists_former(const struct store *s, const char *stream, const struct list_ref *complete, uint64_t keep,
		 struct kept_lists *out, struct kept_lists *used, struct err *e)
{
	struct state *trees[2] = {NULL, NULL};
	size_t former = 0, n = 0;
	int rc = -1;

	if (state_lists(s, stream, out, e) == -1)
		return -1;
	while (former < out->n && state_compare(&out->refs[former], complete) < 0)
		former++;
	former = former > keep ? former - (size_t)keep : 0;
	if (former > 0 && (state_load(s, stream, 'a', &trees[0], e) == -1 || state_load(s, stream, 'b', &trees[1], e) == -1))
		goto out;
	if (used != NULL) {
		used->refs = calloc(former + 1, sizeof *used->refs);
		if (used->refs == NULL) {
			err_mem(e);
			goto out;
		}
	}
	for (size_t i = 0; i < former; i++)
		if (!is_used(trees, &out->refs[i]))
			out->refs[n++] = out->refs[i];
		else if (used != NULL)
			used->refs[used->n++] = out->refs[i];
	out->n = n;
	rc = 0;
out:
	state_free(trees[0]);
	state_free(trees[1]);
	if (rc == -1)
		state_lists_free(out);
	return rc;
}

int lists_prune(const struct store *s, const char *stream, const struct list_ref *complete, uint64_t keep, struct err *e)
{
	struct kept_lists former;
	int rc = 0;

	if (lists_former(s, stream, complete, keep, &former, NULL, e) == -1)
		return -1;
	for (size_t i = 0; rc == 0 && i < former.n; i++)
		rc = lists_drop(s, stream, former.refs[i].epoch, former.refs[i].revision, e);
	state_lists_free(&former);
	return rc;
}

/*
 * UNFINISHED: trees that an interrupted import may have left with links to torn objects, beside the published ones. Before the
 * next import judges the objects it empties these trees; the auditor doesn't take what only they link to for damage.
 */
#ifndef VERIFY_UNFINISHED_H
#define VERIFY_UNFINISHED_H

struct err;
struct file;
struct store;

/*
 * Calls each with the directory (STORE/streams/NAME/a, which has tree/ and state.yaml) of every tree that is being built from
 * nothing, or of which nothing is known and that is not current; also of streams that the store follows no more. Means
 * something while the marker stage/receiving is there. 0, or -1 with each's error or the machine's.
 */
int unfinished_each(const struct store *s, int (*each)(void *arg, const struct file *dir, struct err *e), void *arg, struct err *e);

#endif

/*
 * A list as one store sees it (verify/effect_impl.h): EFFECT. DESIGN 5: "An item's *entry* in a list is the highest revision
 * that names one of the store's rings. It is *ready* if its objects are received, its contents are neither held nor
 * revoked by *newest*, and the entries of all it requires in that list are ready (a cycle as a whole)."
 *
 * Ready is the greatest set with that property: all that are received, not held and not revoked, less, again and
 * again, those that require one outside of it. Each requirement is followed once.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "verify/effect_impl.h"
#include "lib/err.h"

#include "lib/banned.h"

/* ---- answers ---- */

int effect_view_ask_start(struct effect_asked *q, const struct effect_input *in, struct err *e)
{
	q->in = in;
	if (getrandom(q->key, sizeof q->key, 0) != sizeof q->key)
		return err_sys(e, "random number");
	return 0;
}

void effect_view_ask_end(struct effect_asked *q)
{
	free(q->slots);
	arena_free(&q->arena);
}

/*
 * Keyed products over the digest's four words, so that chosen digests can't be made to collide; then mixed (the end of
 * MurmurHash3), since linear probing suffers from runs, which products make of numbers that follow each other.
 */
static size_t slot_of(const struct effect_asked *q, const struct digest *d)
{
	unsigned __int128 sum = 0;
	uint64_t w[4], h;

	memcpy(w, d->bytes, sizeof w);
	for (unsigned i = 0; i < 4; i += 2)
		sum += (unsigned __int128)(w[i] + q->key[i]) * (w[i + 1] + q->key[i + 1]);
	h = (uint64_t)(sum >> 64) ^ (uint64_t)sum;
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
	return (size_t)(h ^ h >> 33) & q->mask;
}

static size_t probe(const struct effect_asked *q, const struct digest *d)
{
	size_t i = slot_of(q, d);

	while (q->slots[i] != NULL && !digest_equal(&q->slots[i]->contents, d))
		i = (i + 1) & q->mask;
	return i;
}

static int grow(struct effect_asked *q, struct err *e)
{
	size_t old_n = q->slots == NULL ? 0 : q->mask + 1, size = old_n == 0 ? 1024 : old_n * 2;
	struct effect_answer **old = q->slots;

	q->slots = calloc(size, sizeof(*q->slots));
	if (q->slots == NULL) {
		q->slots = old;
		return err_mem(e);
	}
	q->mask = size - 1;
	for (size_t i = 0; i < old_n; i++)
		if (old[i] != NULL)
			q->slots[probe(q, &old[i]->contents)] = old[i];
	free(old);
	return 0;
}

static struct effect_answer *ask(struct effect_asked *q, const struct approval *entry, struct err *e)
{
	struct effect_answer *a;
	size_t i;

	if ((q->slots == NULL || q->n > q->mask / 2) && grow(q, e) == -1)
		return NULL;
	i = probe(q, &entry->contents.sha256);
	if (q->slots[i] != NULL)
		return q->slots[i];
	a = arena_alloc(&q->arena, sizeof *a);
	if (a == NULL) {
		err_mem(e);
		return NULL;
	}
	a->contents = entry->contents.sha256;
	if (q->in->ready(q->in->arg, entry, &a->ready, e) == -1)
		return NULL;
	a->held = q->in->held != NULL && q->in->held(q->in->arg, &a->contents);
	q->slots[i] = a;
	q->n++;
	return a;
}

/* ---- entries ---- */

int effect_view_open(struct effect_view *v, const struct approvals *list, struct effect_asked *q, struct err *e)
{
	size_t next;

	v->list = list;
	v->received = true;
	v->entries = calloc(list->items_n + 1, sizeof(*v->entries));
	v->answers = calloc(list->items_n + 1, sizeof(*v->answers));
	if (v->entries == NULL || v->answers == NULL)
		return err_mem(e);
	for (size_t i = 0; i < list->items_n; i = next) {
		const struct approval *entry = NULL;

		for (next = i; next < list->items_n && strcmp(list->items[next].item, list->items[i].item) == 0; next++)
			if (approval_in_rings(&list->items[next], q->in->rings, q->in->rings_n))
				entry = &list->items[next];	/* revisions ascend */
		if (entry == NULL)
			continue;
		v->entries[v->n] = entry;
		v->answers[v->n] = ask(q, entry, e);
		if (v->answers[v->n] == NULL)
			return -1;
		v->received = v->received && v->answers[v->n]->ready.received;
		v->n++;
	}
	return 0;
}

size_t effect_view_find(const struct effect_view *v, const char *item)
{
	size_t low = 0, high = v->n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = strcmp(v->entries[mid]->item, item);

		if (order == 0)
			return mid;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return SIZE_MAX;
}

/* ---- requirements ---- */

/* Fills first and edges. What has no entry here can't be ready: noted in whom (a checked list has no such thing). */
static int connect(struct effect_view *v, struct err *e)
{
	size_t total = 0, at = 0;

	for (size_t i = 0; i < v->n; i++)
		total += v->entries[i]->requires_n;
	v->first = calloc(v->n + 1, sizeof(*v->first));
	v->edges = calloc(total + 1, sizeof(*v->edges));
	if (v->first == NULL || v->edges == NULL)
		return err_mem(e);
	for (size_t i = 0; i < v->n; i++) {
		const struct approval *entry = v->entries[i];

		v->first[i] = at;
		for (size_t k = 0; k < entry->requires_n; k++) {
			size_t to = effect_view_find(v, entry->requires[k]);

			if (to != SIZE_MAX)
				v->edges[at++] = (uint32_t)to;
			else if (v->whom[i] == NULL)
				v->whom[i] = entry->requires[k];
		}
	}
	v->first[v->n] = at;
	return 0;
}

/* The same edges the other way round, by counting. */
static int connect_back(struct effect_view *v, struct err *e)
{
	size_t total = v->first[v->n];

	v->back_first = calloc(v->n + 2, sizeof(*v->back_first));
	v->back = calloc(total + 1, sizeof(*v->back));
	if (v->back_first == NULL || v->back == NULL)
		return err_mem(e);
	for (size_t k = 0; k < total; k++)
		v->back_first[v->edges[k] + 2]++;
	for (size_t i = 2; i < v->n + 2; i++)
		v->back_first[i] += v->back_first[i - 1];
	for (size_t i = 0; i < v->n; i++)
		for (size_t k = v->first[i]; k < v->first[i + 1]; k++)
			v->back[v->back_first[v->edges[k] + 1]++] = (uint32_t)i;
	return 0;
}

static bool revoked(const struct effect_asked *q, const struct digest *d)
{
	size_t low = 0, high = q->revoked_n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = digest_compare(&q->revoked[mid], d);

		if (order == 0)
			return true;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* Takes out of `ready` everything that requires one of queue[0..n), again and again. queue has room for all entries. */
static void withdraw(struct effect_view *v, uint32_t *queue, size_t n)
{
	for (size_t done = 0; done < n; done++) {
		uint32_t i = queue[done];
		const char *root = v->whom[i] != NULL ? v->whom[i] : v->entries[i]->item;

		for (size_t k = v->back_first[i]; k < v->back_first[i + 1]; k++) {
			uint32_t who = v->back[k];

			if (!v->ready[who])
				continue;
			v->ready[who] = false;
			v->whom[who] = root;
			queue[n++] = who;
		}
	}
}

int effect_view_judge(struct effect_view *v, struct effect_asked *q, struct err *e)
{
	uint32_t *queue;
	size_t n = 0;

	if (v->judged)
		return 0;
	v->ready = calloc(v->n + 1, sizeof(*v->ready));
	v->whom = calloc(v->n + 1, sizeof(*v->whom));
	if (v->ready == NULL || v->whom == NULL)
		return err_mem(e);
	if (connect(v, e) == -1 || connect_back(v, e) == -1)
		return -1;
	queue = calloc(v->n + 1, sizeof *queue);
	if (queue == NULL)
		return err_mem(e);
	for (size_t i = 0; i < v->n; i++) {
		struct effect_answer *a = v->answers[i];

		a->revoked = revoked(q, &a->contents);
		v->ready[i] = a->ready.received && !a->held && !a->revoked && v->whom[i] == NULL;
		if (!v->ready[i])
			queue[n++] = (uint32_t)i;
	}
	withdraw(v, queue, n);
	free(queue);
	v->judged = true;
	return 0;
}

int effect_view_spread(const struct effect_view *v, bool *mark, bool forward, struct err *e)
{
	const size_t *first = forward ? v->first : v->back_first;
	const uint32_t *edges = forward ? v->edges : v->back;
	uint32_t *queue = calloc(v->n + 1, sizeof *queue);
	size_t n = 0;

	if (queue == NULL)
		return err_mem(e);
	for (size_t i = 0; i < v->n; i++)
		if (mark[i])
			queue[n++] = (uint32_t)i;
	for (size_t done = 0; done < n; done++)
		for (size_t k = first[queue[done]]; k < first[queue[done] + 1]; k++)
			if (!mark[edges[k]]) {
				mark[edges[k]] = true;
				queue[n++] = edges[k];
			}
	free(queue);
	return 0;
}

void effect_view_free(struct effect_view *v)
{
	free(v->entries);
	free(v->answers);
	free(v->ready);
	free(v->whom);
	free(v->first);
	free(v->edges);
	free(v->back_first);
	free(v->back);
	*v = (struct effect_view){0};
}

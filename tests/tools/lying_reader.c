/*
 * satchel-import and satchel-verify whose reader process lies (row S21 of the attacks): linked with --wrap=serve_run, so that
 * what reader_open forks is this, which keeps the true reader as a child of its own and stands between the two pipes.
 *
 *     SATCHEL_LIE=NAME[=N] lying_import ...     (or lying_verify) N: of which message or request, or which value; 1 where it isn't given
 *
 * The table below says what each lie is.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "manifests/limits.h"
#include "verify/serve.h"
#include "verify/window.h"
#include "verify/wire.h"

void __real_serve_run(int requests, int answers, pid_t parent, const struct window *window, const struct reader_ask *ask)
	__attribute__((noreturn));
void __wrap_serve_run(int requests, int answers, pid_t parent, const struct window *window, const struct reader_ask *ask)
	__attribute__((noreturn));

struct message {
	struct wire_head h;
	struct buf data;
};
static struct wire up, down;	/* main; the true reader */
static const char *lie;
static uint64_t value = 1;
static const struct window *shared;
static unsigned answers_n[WIRE_FRAME + 1];	/* to the requests of the kind the lie is about */
static struct wire_head asked;
static uint64_t state;

static uint64_t rnd(uint64_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % n;
}

/* ---- messages ---- */

static void put(const struct message *m)
{
	struct err e = {0};

	if (wire_put(&up, &m->h, m->data.data, &e) == -1 || wire_flush(&up, &e) == -1)
		_exit(0);	/* main gave us up */
}

static void say(enum wire_type type, uint64_t a, uint64_t b, const void *data, size_t len)
{
	struct message m = {.h = {.type = type, .len = (uint32_t)len, .a = a, .b = b}};

	buf_append(&m.data, data, len);
	put(&m);
	buf_free(&m.data);
}

static bool take(struct wire *w, struct message *m)
{
	const uint8_t *data;
	struct err e = {0};

	buf_clear(&m->data);
	if (wire_next(w, WIRE_REQUEST, &m->h, &data, &e) != 0)
		return false;
	buf_append(&m->data, data, m->h.len);
	return true;
}

static void raw(const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(up.out, p, len);

		if (n <= 0)
			_exit(0);
		p += n;
		len -= (size_t)n;
	}
}

/* ---- lies about one answer: true where the answer itself is not to be sent any more ---- */

static uint8_t bytes[WIRE_CHUNK];

static bool flip(struct message *m)
{
	if (m->data.len > 0)
		m->data.data[m->data.len / 2] ^= 1;
	return false;
}

/* The memory of a frame that is about to be handed over. */
static uint8_t *slot_of(const struct message *m)
{
	if (m->h.b >= shared->slots)
		_exit(1);
	return window_slot(shared, (unsigned)m->h.b);
}

static bool frame_flip(struct message *m)
{
	slot_of(m)[value] ^= 1;
	return false;
}

static bool frame_zeros(struct message *m)
{
	memset(slot_of(m), 0, FRAME_SIZE);
	return false;
}

/* Hands the message over. false: in a child, which may do as it likes as long as this process lives. */
static bool goes_on(struct message *m)
{
	pid_t self = getpid();

	put(m);
	if (fork() != 0)
		return true;
	syscall(SYS_close_range, 3, ~0u, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != self)	/* it was gone before */
		_exit(0);
	return false;
}

/* Good when it is handed over, and at every moment after it something else. */
static bool frame_moving(struct message *m)
{
	uint8_t *at = slot_of(m);

	if (goes_on(m))
		return true;
	for (unsigned i = 0;; i++)
		for (size_t k = i % 7; k < (64u << 10); k += 7)
			at[k] ^= (uint8_t)(i | 1);
}

/* One byte is right at one moment and wrong at the next. */
static bool frame_blinking(struct message *m)
{
	volatile uint8_t *at = slot_of(m) + value;

	if (goes_on(m))
		return true;
	for (;;)
		*at ^= 1;
}

static bool other_slot(struct message *m)
{
	m->h.b++;
	return false;
}

static bool no_slot(struct message *m)
{
	m->h.b = UINT64_MAX;
	return false;
}

static bool other_frame(struct message *m)
{
	m->h.a++;
	return false;
}

static bool no_frame(struct message *m)
{
	m->h.a = UINT64_MAX;
	return false;
}

static bool twice(struct message *m)
{
	put(m);
	return false;
}

static bool drop(struct message *m)
{
	(void)m;
	return true;
}

static bool nothing_in_it(struct message *m)
{
	m->h.len = 0;
	buf_clear(&m->data);
	return false;
}

static bool shorter(struct message *m)
{
	m->h.len /= 2;
	m->data.len = m->h.len;
	return false;
}

static bool endless(struct message *m)
{
	for (;;)
		put(m);
	return true;
}

static bool late(struct message *m)
{
	static struct message kept;

	if (kept.h.type == 0) {
		kept.h = m->h;
		buf_append(&kept.data, m->data.data, m->data.len);
		return true;
	}
	put(m);
	put(&kept);
	return true;
}

static bool damaged(struct message *m)
{
	(void)m;
	say(WIRE_DAMAGE, 0, value, "\033[2Jno\r", 7);
	return false;
}

static bool endless_damage(struct message *m)
{
	(void)m;
	for (uint64_t i = 0;; i++)
		say(WIRE_DAMAGE, i % 2, value, "x", 1);
	return true;
}

static bool wrong_error(struct message *m)
{
	(void)m;
	say(WIRE_ERROR, value, 0, "\033[31mcolour\r\n", 13);
	return true;
}

static bool long_error(struct message *m)
{
	(void)m;
	say(WIRE_ERROR, 1, 0, bytes, 5000);
	return true;
}

static bool nul_error(struct message *m)
{
	(void)m;
	say(WIRE_ERROR, 1, 0, "a\0b", 3);
	return true;
}

static bool done(struct message *m)
{
	(void)m;
	say(WIRE_DONE, value - 1, 0, NULL, 0);
	return true;
}

static bool unknown(struct message *m)
{
	(void)m;
	say((enum wire_type)77, 0, 0, NULL, 0);
	return false;
}

static bool huge(struct message *m)
{
	struct wire_head h = {.type = m->h.type, .len = UINT32_MAX, .a = m->h.a, .b = m->h.b};

	raw(&h, sizeof h);
	for (;;)
		raw(bytes, sizeof bytes);
	return true;
}

static bool cut(struct message *m)
{
	raw(&m->h, sizeof m->h / 2);
	_exit(0);
}

static bool ends(struct message *m)
{
	(void)m;
	_exit(0);
}

static bool silent(struct message *m)
{
	(void)m;
	for (;;)
		pause();
	return true;
}

static bool drips(struct message *m)
{
	const uint8_t *p = (const uint8_t *)&m->h;

	for (size_t i = 0;; i++) {
		raw(p + i % sizeof m->h, 1);
		usleep(500000);
	}
	return true;
}

static bool garbage(struct message *m)
{
	(void)m;
	for (;;) {
		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = (uint8_t)rnd(256);
		raw(bytes, sizeof bytes);
	}
	return true;
}

static bool bad_name(struct message *m)
{
	static const char *const names[] = {"..", "../../etc", "", "\033]0;x\a", "updates-00000009\n", "updates-99999999999999999999",
					    "updates-00000008/../x", "updates-00000000", "zz-00000008"};
	const char *name = names[value % (sizeof names / sizeof *names)];

	(void)m;
	say(WIRE_NAME, 1, 0, name, strlen(name));
	return false;
}

static bool endless_names(struct message *m)
{
	char name[32];

	(void)m;
	for (uint64_t i = 0;; i++) {
		snprintf(name, sizeof name, "updates-%08llu", (unsigned long long)i);
		say(WIRE_NAME, 1, 0, name, strlen(name));
	}
	return true;
}

/* Anything at all, about one in eight messages. */
static bool anything(struct message *m)
{
	if (rnd(8) != 0)
		return false;
	switch (rnd(11)) {
	case 0: return flip(m);
	case 1: return other_slot(m);
	case 2: return other_frame(m);
	case 3: return twice(m);
	case 4: return drop(m);
	case 5: return shorter(m);
	case 6: m->h.type = (uint32_t)rnd(14); return false;
	case 7: m->h.a = rnd(1000); return false;
	case 8: say(WIRE_DAMAGE, rnd(3), rnd(100), "x", 1); return false;
	case 9: say((enum wire_type)rnd(14), rnd(4), rnd(100), bytes, rnd(50)); return false;
	default: return rnd(4) == 0 ? cut(m) : nothing_in_it(m);
	}
}

/* To which requests and which answers a lie belongs; 0: any. nth: only the value-th such answer. */
static const struct lie {
	const char *name;
	enum wire_type request, answer;
	bool nth;
	bool (*tell)(struct message *m);
} lies[] = {
	{"file-flip", WIRE_FILE, WIRE_BYTES, true, flip},
	{"file-shorter", WIRE_FILE, WIRE_BYTES, true, shorter},
	{"file-twice", WIRE_FILE, WIRE_BYTES, true, twice},
	{"file-missing", WIRE_FILE, WIRE_BYTES, true, drop},
	{"file-empty", WIRE_FILE, WIRE_BYTES, true, nothing_in_it},
	{"file-endless", WIRE_FILE, WIRE_BYTES, true, endless},
	{"file-error", WIRE_FILE, WIRE_BYTES, false, wrong_error},
	{"frame-flip", WIRE_VOLUME, WIRE_FRAME, false, frame_flip},
	{"frame-zeros", WIRE_VOLUME, WIRE_FRAME, false, frame_zeros},
	{"frame-moving", WIRE_VOLUME, WIRE_FRAME, false, frame_moving},
	{"frame-blinking", WIRE_VOLUME, WIRE_FRAME, false, frame_blinking},
	{"frame-other-slot", WIRE_VOLUME, WIRE_FRAME, true, other_slot},
	{"frame-no-slot", WIRE_VOLUME, WIRE_FRAME, true, no_slot},
	{"frame-other", WIRE_VOLUME, WIRE_FRAME, true, other_frame},
	{"frame-none", WIRE_VOLUME, WIRE_FRAME, true, no_frame},
	{"frame-twice", WIRE_VOLUME, WIRE_FRAME, true, twice},
	{"frame-missing", WIRE_VOLUME, WIRE_FRAME, true, drop},
	{"frame-endless", WIRE_VOLUME, WIRE_FRAME, true, endless},
	{"frame-late", WIRE_VOLUME, 0, false, late},
	{"damage", WIRE_VOLUME, WIRE_FRAME, false, damaged},
	{"damage-endless", WIRE_VOLUME, WIRE_FRAME, false, endless_damage},
	{"volume-error", WIRE_VOLUME, WIRE_FRAME, false, wrong_error},
	{"volume-done", WIRE_VOLUME, WIRE_FRAME, false, done},
	{"done", 0, WIRE_DONE, false, done},
	{"error-long", 0, WIRE_DONE, false, long_error},
	{"error-nul", 0, WIRE_DONE, false, nul_error},
	{"unknown", 0, 0, true, unknown},
	{"huge", 0, 0, true, huge},
	{"cut", 0, 0, true, cut},
	{"ends", 0, 0, true, ends},
	{"silent", 0, 0, true, silent},
	{"drips", 0, 0, true, drips},
	{"garbage", 0, 0, true, garbage},
	{"name", WIRE_NAMES, WIRE_DONE, false, bad_name},
	{"names-endless", WIRE_NAMES, WIRE_DONE, false, endless_names},
	{"anything", 0, 0, false, anything},
};

static bool tell(struct message *m)
{
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		const struct lie *l = &lies[i];

		if (strcmp(l->name, lie) != 0 || (l->request != 0 && l->request != asked.type) ||
		    (l->answer != 0 && l->answer != m->h.type))
			continue;
		return l->nth && ++answers_n[l->answer] != value ? false : l->tell(m);
	}
	return false;
}

/* ---- lies about what is asked for ---- */

/* Files and volumes of the bundle 9 in place of those of 8: all true, all signed, and not what was asked for. */
static void swap(struct message *m)
{
	static const char *const parts[] = {"approvals.yaml", "manifest.yaml", "vol-", "trust-"};
	const char *from = "updates-00000008", *part;
	uint8_t *at;

	if (strcmp(lie, "swap") != 0 || (m->h.type != WIRE_FILE && m->h.type != WIRE_VOLUME) || m->data.len < 17)
		return;
	part = value >= 1 && value <= 4 ? parts[value - 1] : "";
	at = memmem(m->data.data, m->data.len, from, strlen(from) + 1);
	if (at != NULL && strncmp((char *)at + strlen(from) + 1, part, strlen(part)) == 0)
		at[strlen(from) - 1] = '9';
}

/* ---- between the two ---- */

static void forward(struct message *m)
{
	struct err e = {0};

	swap(m);
	if (wire_put(&down, &m->h, m->data.data, &e) == -1 || wire_flush(&down, &e) == -1)
		_exit(0);
}

/* Whether something came from the true reader; false: from main. */
static bool await(void)
{
	struct pollfd p[2] = {{.fd = down.in, .events = POLLIN}, {.fd = up.in, .events = POLLIN}};

	for (;;) {
		if (wire_ready(&up))
			return false;
		if (wire_ready(&down))
			return true;
		poll(p, 2, -1);
	}
}

static void pass_answers(void)
{
	struct message m = {.h = {0}}, stop = {.h = {0}};
	bool last = false;

	while (!last) {
		if (!await()) {
			if (!take(&up, &stop))
				_exit(0);
			forward(&stop);
			continue;
		}
		if (!take(&down, &m))
			_exit(0);
		last = m.h.type == WIRE_DONE || m.h.type == WIRE_ERROR;
		if (!tell(&m))
			put(&m);
	}
	buf_free(&m.data);
	buf_free(&stop.data);
}

static void stand_between(void) __attribute__((noreturn));
static void stand_between(void)
{
	struct message m = {.h = {0}};

	pass_answers();	/* the greeting */
	while (take(&up, &m)) {
		bool asks = m.h.type != WIRE_STOP && m.h.type != WIRE_FREE;

		if (asks)
			asked = m.h;
		forward(&m);
		if (asks)
			pass_answers();
	}
	_exit(0);
}

static void choose(void)
{
	static char name[64];
	const char *said = getenv("SATCHEL_LIE"), *equals;

	snprintf(name, sizeof name, "%s", said == NULL ? "" : said);
	equals = strchr(name, '=');
	if (equals != NULL) {
		value = strtoull(equals + 1, NULL, 10);
		name[equals - name] = '\0';
	}
	lie = name;
	state = value * 0x9e3779b97f4a7c15u + 1;
}

void __wrap_serve_run(int requests, int answers, pid_t parent, const struct window *window, const struct reader_ask *ask)
{
	int there[2], back[2];
	struct err e = {0};
	pid_t self = getpid();

	(void)parent;
	shared = window;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	choose();
	if (pipe(there) == -1 || pipe(back) == -1)
		_exit(1);
	if (fork() == 0)
		__real_serve_run(there[0], back[1], self, window, ask);
	/* nothing of main's is kept, its lock least of all */
	if (dup2(requests, 100) == -1 || dup2(answers, 101) == -1 || dup2(back[0], 102) == -1 || dup2(there[1], 103) == -1 ||
	    syscall(SYS_close_range, 3, 99, 0) == -1 || syscall(SYS_close_range, 104, ~0u, 0) == -1 ||
	    wire_open(&up, 100, 101, &e) == -1 || wire_open(&down, 102, 103, &e) == -1)
		_exit(1);
	stand_between();
}

/*
 * satchel-import rescan: the scan hook looks again at what it held: after its signatures were updated, or a false alarm was
 * sorted out. Nothing gets past the hook by it; to let an item through, the hook has to pass it.
 */
#include <stdlib.h>

#include "import/commands.h"
#include "import/inspect.h"
#include "import/places.h"
#include "import/run.h"
#include "import/tell.h"
#include "import/update.h"
#include "lib/err.h"
#include "lib/say.h"

#include "lib/banned.h"

const struct option_def rescan_options[] = {
	{.name = "wait", .value = "SECONDS", .help = "how long to wait for another run to end (0)"},
	{0},
};

struct rescanning {
	const struct args *args;
	struct run run;
	bool *touched;
	int forgotten;
	bool refused, waits;
	struct places places;
};

static int forget(struct rescanning *s, const char *pattern, struct err *e)
{
	const struct store_config *c = &s->run.store.config;

	for (size_t i = 0; i < c->streams_n; i++) {
		int n = inspect_forget(&s->run, c->streams[i].stream, pattern, e);

		if (n == -1)
			return -1;
		s->forgotten += n;
		s->touched[i] = s->touched[i] || n > 0;
	}
	return 0;
}

static int note(void *arg, const struct update *u, struct err *e)
{
	struct rescanning *s = arg;

	(void)e;
	tell_stream(u);
	s->refused = s->refused || u->refused > 0;
	s->waits = s->waits || u->outlook.held || !u->outlook.whole;
	return 0;
}

static int rescan(struct rescanning *s, struct err *e)
{
	struct update_all how = {.places = &s->places, .each = note, .arg = s};
	int code;

	s->touched = calloc(s->run.store.config.streams_n + 1, sizeof *s->touched);
	if (s->touched == NULL)
		return err_mem(e);
	s->run.intent = json_object();
	if (args_len(s->args) == 0 && forget(s, NULL, e) == -1)
		return -1;
	for (size_t i = 0; i < args_len(s->args); i++)
		if (forget(s, args_at(s->args, i), e) == -1)
			return -1;
	if (s->forgotten == 0)
		say_note("nothing%s is held", args_len(s->args) == 0 ? "" : " of that name");
	how.touched = s->touched;
	if (update_all(&s->run, &how, e) == -1)
		return -1;
	code = s->refused ? 1 : s->waits ? 4 : 0;
	return run_done(&s->run, code, e) == -1 ? -1 : code;
}

int rescan_run(const struct args *a, struct err *e)
{
	struct run_ask ask = {.path = run_store_path(a, e), .intent = "rescan", .outcome = "rescanned"};
	struct rescanning s = {.args = a};
	uint64_t wait;
	int rc = -1;

	if (ask.path == NULL || args_number(a, "wait", 0, 1000000, 0, &wait, e) == -1)
		return -1;
	ask.wait_seconds = (unsigned)wait;
	if (run_open(&ask, &s.run, e) == 0)
		rc = rescan(&s, e);
	free(s.touched);
	places_free(&s.places);
	run_close(&s.run);
	return rc;
}

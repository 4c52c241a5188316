/*
 * Which lines of a journal begin and end a run (verify/runs.h). Judges nothing.
 */
#include "verify/runs.h"

#include <string.h>

#include "lib/banned.h"

/* Of whatever calls import's run_open. Whoever ends what another run left ends it with an outcome of its own. */
static const struct { const char *intent, *outcome; } runs[] = {
	{"apply", "applied"}, {"rollback", "rolled-back"}, {"check", "check-done"}, {"prune", "pruned"}, {"rescan", "rescanned"},
};

void runs_follow(const json_t *line, bool *open)
{
	const char *event = json_get_text(line, "event");

	for (size_t i = 0; event != NULL && i < sizeof runs / sizeof *runs; i++)
		if (strcmp(event, runs[i].intent) == 0)
			*open = true;
		else if (strcmp(event, runs[i].outcome) == 0)
			*open = false;
}

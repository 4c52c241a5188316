/*
 * Whether a bundle will fit, judged before its first byte is written.
 */
#ifndef EXPORT_FORECAST_H
#define EXPORT_FORECAST_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct plan_total;
struct selection;
struct station;

struct forecast {
	uint64_t need;		/* at most, if nothing can be compressed */
	uint64_t likely;	/* by samples; the same as need where none had to be taken */
	/* given: */
	uint64_t beside;	/* what all takes but the bytes of the volumes, at most */
	uint64_t room;
	bool room_known;
};

/*
 * need: the volumes stored, and what is beside. Where that is more than the room, samples are compressed, and it is ERR_NO_SPACE
 * when what is sure by them is too much still: nine tenths of what they promise, and all of what does not shrink as far as chance
 * allows. So what may fit is tried, and what passes by a narrow margin can turn out too large when it is written.
 */
int forecast_check(const struct station *s, const struct selection *sel, const struct plan_total *t, int level, struct forecast *f,
		   struct err *e);

#endif

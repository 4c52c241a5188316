/*
 * The station's trust roots, shown. Changes nothing.
 */
#include "export/roots.h"

#include "export/show.h"
#include "export/station.h"
#include "lib/err.h"
#include "lib/say.h"

#include "lib/banned.h"

int roots_show(const struct args *a, struct err *e)
{
	struct station s;

	if (args_expect(a, 0, 0, e) == -1 || station_open(a, STATION_READ, &s, e) == -1)
		return -1;
	for (size_t i = 0; i < s.chain.n; i++)
		show_trust(s.chain.roots[i]);
	if (trust_chain_check_time(&s.chain, s.now, e) == -1) {
		say_warn("%s", e->text);
		err_clear(e);
	}
	station_close(&s);
	return 0;
}

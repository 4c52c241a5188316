/*
 * Numbers, sizes and times from outside. Refuses signs, leading zeros, blanks, overflow, days that the calendar does
 * not have. Nothing here looks at the locale or at TZ.
 */
#include "lib/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/banned.h"

#define DAY 86400
#define LAST_SECOND INT64_C(253402300799)	/* 9999-12-31T23:59:59Z */

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

int num_parse(const char *s, size_t len, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (len == 0 || (len > 1 && s[0] == '0'))
		return -1;
	for (size_t i = 0; i < len; i++)
		if (!digit(s[i]) || num_mul(n, 10u, &n) || num_add(n, (uint64_t)(s[i] - '0'), &n))
			return -1;
	if (n < min || n > max)
		return -1;
	*out = n;
	return 0;
}

/* The factor of a unit: "", "B", "K", "KiB" ...; 0 where it is none. */
static uint64_t unit(const char *s)
{
	static const char letters[] = "KMGT";
	const char *at;

	if (s[0] == '\0' || strcmp(s, "B") == 0)
		return 1;
	at = strchr(letters, s[0]);
	if (at == NULL || (s[1] != '\0' && strcmp(s + 1, "iB") != 0))
		return 0;
	return UINT64_C(1) << (10 * (at - letters + 1));
}

int num_parse_size(const char *s, uint64_t *bytes)
{
	size_t whole_len = strspn(s, "0123456789"), part_len = 0;
	const char *part = "", *rest = s + whole_len;
	uint64_t whole, fraction = 0, ten = 1, factor;
	unsigned __int128 sum;

	if (num_parse(s, whole_len, 0, UINT64_MAX, &whole) == -1)
		return -1;
	if (*rest == '.') {
		part = rest + 1;
		part_len = strspn(part, "0123456789");
		rest = part + part_len;
		if (part_len == 0 || part_len > 9)
			return -1;
	}
	for (size_t i = 0; i < part_len; i++) {
		fraction = fraction * 10 + (uint64_t)(part[i] - '0');
		ten *= 10;
	}
	if (rest[0] == ' ' && rest[1] != '\0')
		rest++;
	factor = unit(rest);
	if (factor == 0 || (factor == 1 && part_len > 0))
		return -1;
	sum = (unsigned __int128)whole * factor + (unsigned __int128)fraction * factor / ten;
	if (sum > UINT64_MAX)
		return -1;
	*bytes = (uint64_t)sum;
	return 0;
}

char *num_format_size(uint64_t bytes, char out[24])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	unsigned __int128 tenths = 0;
	size_t u;

	if (bytes < 1024) {
		snprintf(out, 24, "%u B", (unsigned)bytes);
		return out;
	}
	for (u = 0; u < 6; u++) {
		unsigned shift = 10 * ((unsigned)u + 1);

		tenths = ((unsigned __int128)bytes * 10 + ((unsigned __int128)1 << (shift - 1))) >> shift;
		if (tenths < 10240)
			break;
	}
	snprintf(out, 24, "%u.%u %s", (unsigned)(tenths / 10), (unsigned)(tenths % 10), units[u]);
	return out;
}

char *num_count(uint64_t n, const char *noun, char out[NUM_COUNT])
{
	size_t len = strlen(noun);
	bool y = len > 1 && noun[len - 1] == 'y' && strchr("aeiou", noun[len - 2]) == NULL;

	if (n == 1)
		snprintf(out, NUM_COUNT, "1 %s", noun);
	else
		snprintf(out, NUM_COUNT, "%" PRIu64 " %.*s%s", n, (int)(y ? len - 1 : len), noun, y ? "ies" : "s");
	return out;
}

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar (H. Hinnant, "chrono-compatible low-level date
 * algorithms", for years from 1970 on). */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t month_len(int64_t year, int64_t month)
{
	static const uint8_t len[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : len[month - 1];
}

static int64_t field(const char *s, size_t at, size_t len)
{
	int64_t n = 0;

	for (size_t i = at; i < at + len; i++)
		n = n * 10 + (s[i] - '0');
	return n;
}

int num_parse_time(const char *s, size_t len, int64_t *seconds)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
	int64_t year, month, day, hour, minute, second;

	if (len != sizeof form - 1)
		return -1;
	for (size_t i = 0; i < len; i++)
		if (form[i] == 'd' ? !digit(s[i]) : s[i] != form[i])
			return -1;
	year = field(s, 0, 4);
	month = field(s, 5, 2);
	day = field(s, 8, 2);
	hour = field(s, 11, 2);
	minute = field(s, 14, 2);
	second = field(s, 17, 2);
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > month_len(year, month) || hour > 23 ||
	    minute > 59 || second > 59)
		return -1;
	*seconds = days_of(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
	return 0;
}

int num_parse_day(const char *s, int64_t *seconds)
{
	char full[24];
	size_t len = strlen(s);

	if (len != 10)
		return num_parse_time(s, len, seconds);
	snprintf(full, sizeof full, "%sT00:00:00Z", s);
	return num_parse_time(full, strlen(full), seconds);
}

char *num_format_time(int64_t seconds, char out[32])
{
	int64_t days, rest, year = 1970, month = 1;

	if (seconds < 0)
		seconds = 0;
	if (seconds > LAST_SECOND)
		seconds = LAST_SECOND;
	days = seconds / DAY;
	rest = seconds % DAY;
	year += days / 366;	/* never too late; at most a few steps remain */
	while (days_of(year + 1, 1, 1) <= days)
		year++;
	days -= days_of(year, 1, 1);
	for (; days >= month_len(year, month); month++)
		days -= month_len(year, month);
	snprintf(out, 32, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year % 10000, (unsigned)month % 100,
		 (unsigned)(days + 1) % 100, (unsigned)(rest / 3600), (unsigned)(rest / 60 % 60), (unsigned)(rest % 60));
	return out;
}

/*
 * Functions that nobody here calls: unbounded copies, parsers without errors, shells, racy names. Included last in
 * every .c file, after the system's own headers, which may use them.
 */
#ifndef LIB_BANNED_H
#define LIB_BANNED_H

/* some compilers make macros of these, which can't be poisoned */
#undef strcpy
#undef strcat
#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat sprintf vsprintf gets strtok atoi atol system popen tmpnam mktemp

#endif

/*
 * One published item against its contents list.
 */
#ifndef VERIFY_AUDIT_ITEM_H
#define VERIFY_AUDIT_ITEM_H

#include <stdint.h>

struct err;
struct file;
struct report;
struct state_item;
struct store;
struct walk_entry;

struct audit_item {
	const struct store *store;
	const struct file *objects;	/* STORE/objects */
	struct report *report;
	const char *place;	/* "STORE/streams/NAME/a/tree", for messages */
	uint64_t files, links, hashed;	/* counted: regular files, links, files hashed because they are no object's inode */
};
/* top: where the item stands in the tree. What is wrong is reported; -1 only where the audit can't go on. */
int audit_item(struct audit_item *a, const struct state_item *item, const struct walk_entry *top, struct err *e);

#endif

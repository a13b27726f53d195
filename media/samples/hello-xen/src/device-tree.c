// Reads a flattened device tree (Devicetree Specification, chapter 5). Its numbers are big endian.

#include "device-tree.h"

#define FDT_MAGIC 0xd00dfeed

enum token { BEGIN_NODE = 1, END_NODE = 2, PROPERTY = 3, NOP = 4, END = 9 };

struct header {
  u32 magic;
  u32 total_size;
  u32 structure;
  u32 strings;
};

struct cursor {
  const u32 *at;
  const char *strings;
};

struct property {
  const char *name;
  const void *value;
  u32 size;
};

// The properties of one node that is read below.
struct node {
  const char *name;
  struct property compatible, device_type, reg, interrupts, bootargs;
};

static u32 big_endian(u32 value) { return __builtin_bswap32(value); }

static u32 cell(const struct property *property, unsigned index) {
  if (4 * (index + 1) > property->size) panic("the device tree's '%s' is too short", property->name);
  return big_endian(((const u32 *)property->value)[index]);
}

// Two cells of address and two of size, as Xen's trees have.
static struct range range(const struct property *reg, unsigned index) {
  u64 cells[4];
  for (unsigned i = 0; i < 4; i++) cells[i] = cell(reg, 4 * index + i);
  return (struct range){.base = cells[0] << 32 | cells[1], .size = cells[2] << 32 | cells[3]};
}

// The INTID of a GIC's interrupt specifier: type, number, flags.
static unsigned intid(const struct property *interrupts, unsigned index) {
  const u32 private_peripheral = 1;
  u32 number = cell(interrupts, 3 * index + 1);
  return cell(interrupts, 3 * index) == private_peripheral ? 16 + number : 32 + number;
}

static bool lists(const struct property *property, const char *text) {
  const char *at = property->value;
  const char *end = at + property->size;
  while (at < end) {
    if (same_text(at, text)) return true;
    at += strlen(at) + 1;
  }
  return false;
}

static const u32 *after_text(const char *text) { return (const u32 *)round_up((u64)text + strlen(text) + 1, 4); }

static struct property take_property(struct cursor *cursor) {
  u32 size = big_endian(cursor->at[0]);
  struct property property = {
    .name = cursor->strings + big_endian(cursor->at[1]),
    .value = cursor->at + 2,
    .size = size,
  };
  cursor->at += 2 + round_up(size, 4) / 4;
  return property;
}

static void keep_property(struct node *node, struct property property) {
  if (same_text(property.name, "compatible")) node->compatible = property;
  else if (same_text(property.name, "device_type")) node->device_type = property;
  else if (same_text(property.name, "reg")) node->reg = property;
  else if (same_text(property.name, "interrupts")) node->interrupts = property;
  else if (same_text(property.name, "bootargs")) node->bootargs = property;
}

static void use_node(const struct node *node, struct platform *platform) {
  if (lists(&node->device_type, "memory")) {
    // The first bank is the one that the kernel was loaded into.
    if (platform->memory.size == 0) platform->memory = range(&node->reg, 0);
  } else if (lists(&node->compatible, "arm,gic-v3")) {
    platform->gic_version = 3;
  } else if (lists(&node->compatible, "arm,cortex-a15-gic") || lists(&node->compatible, "arm,gic-400")) {
    platform->gic_version = 2;
  } else if (lists(&node->compatible, "arm,armv8-timer")) {
    const unsigned virtual_timer = 2; // after the secure and the physical one
    platform->timer_intid = intid(&node->interrupts, virtual_timer);
  } else if (lists(&node->compatible, "xen,xen")) {
    platform->has_xen = true;
    platform->grant_window = range(&node->reg, 0);
    platform->event_intid = intid(&node->interrupts, 0);
  } else if (node->bootargs.size > 0 && same_text(node->name, "chosen")) {
    platform->command_line = node->bootargs.value;
  }
  if (platform->gic_version != 0 && platform->gic[0].size == 0) {
    platform->gic[0] = range(&node->reg, 0);
    platform->gic[1] = range(&node->reg, 1);
  }
}

void read_device_tree(const void *tree, struct platform *platform) {
  const struct header *header = tree;
  if (big_endian(header->magic) != FDT_MAGIC) panic("there is no device tree at %p", tree);
  *platform = (struct platform){.command_line = ""};
  struct cursor cursor = {
    .at = (const u32 *)((const char *)tree + big_endian(header->structure)),
    .strings = (const char *)tree + big_endian(header->strings),
  };

  // All of interest are children of the root. A node's properties come before its children.
  struct node node = {0};
  for (int depth = 0;;) {
    switch ((enum token)big_endian(*cursor.at++)) {
      case BEGIN_NODE:
        depth++;
        if (depth == 2) node = (struct node){.name = (const char *)cursor.at};
        cursor.at = after_text((const char *)cursor.at);
        break;
      case END_NODE:
        if (depth == 2) use_node(&node, platform);
        depth--;
        break;
      case PROPERTY: {
        struct property property = take_property(&cursor);
        if (depth == 2) keep_property(&node, property);
        break;
      }
      case NOP:
        break;
      case END:
        return;
      default:
        panic("the device tree is damaged");
    }
  }
}

// A prompt on the console.

#include "shell.h"
#include "base.h"
#include "block.h"
#include "console.h"
#include "disk-commands.h"
#include "timer.h"
#include "trouble.h"
#include "xenstore.h"

#define LINE_MAX 128

struct command {
  const char *name;
  const char *description;
  void (*run)(const char *argument);
  bool for_disk; // listed only where there is one
};

static void help(const char *argument);

static void echo(const char *text) { print("%s\n", text); }

static void show_ticks(const char *argument) {
  (void)argument;
  print("%lu\n", timer.ticks);
}

static void show_xenstore(const char *path) {
  static char text[XENSTORE_MAX + 1];
  if (path[0] == '\0') path = "name";
  int length = xenstore_read(path, text, sizeof text);
  if (length < 0) {
    print("xenstore has no '%s'\n", path);
    return;
  }
  print("%s = \"%s\"\n", path, text);
  length = xenstore_list(path, text, sizeof text);
  for (int at = 0; at < length; at += (int)strlen(&text[at]) + 1) print("  %s\n", &text[at]);
}

static void crash(const char *argument) {
  (void)argument;
  volatile u32 *nowhere = (volatile u32 *)0x10;
  *nowhere = 1;
}

static void end(const char *argument) {
  (void)argument;
  print("bye\n");
  power_off();
}

static void restart(const char *argument) {
  (void)argument;
  reboot();
}

static const struct command commands[] = {
  {"help", "this list", help, false},
  {"echo", "the words behind it", echo, false},
  {"ticks", "how often the timer interrupted since boot", show_ticks, false},
  {"xs", "a node of xenstore and its children: 'xs memory'", show_xenstore, false},
  {"disk", "writes to the disk and reads it back; 'disk read 5', 'disk write 5 TEXT'", disk_command, true},
  {"trouble", "a list of what can go wrong, on purpose: 'trouble notify'", trouble_command, true},
  {"crash", "a write to address 0x10, where nothing is", crash, false},
  {"reboot", "starts again, through PSCI", restart, false},
  {"poweroff", "the end, through PSCI", end, false},
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static void help(const char *argument) {
  (void)argument;
  for (size_t i = 0; i < COMMANDS; i++) {
    if (commands[i].for_disk && !disk.ring) continue;
    print("  %-9s %s\n", commands[i].name, commands[i].description);
  }
}

static char read_key(void) {
  char key = 0;
  interrupts_off();
  while (!console_read(&key)) wait_for_interrupt();
  interrupts_on();
  return key;
}

// A line without its end, echoed as it is typed.
static void read_line(char *line) {
  for (size_t length = 0;;) {
    char key = read_key();
    const char backspace = 8, rubout = 127;
    if (key == '\r' || key == '\n') {
      print("\n");
      line[length] = '\0';
      return;
    }
    if ((key == backspace || key == rubout) && length > 0) {
      length--;
      print("\b \b");
    } else if (key >= ' ' && key < rubout && length < LINE_MAX - 1) {
      line[length++] = key;
      print("%c", key);
    }
  }
}

// Ends the first word of the line; returns what follows it.
static const char *split(char *line) {
  char *at = line;
  while (*at != '\0' && *at != ' ') at++;
  if (*at != '\0') *at++ = '\0';
  while (*at == ' ') at++;
  return at;
}

static void obey(char *line) {
  const char *argument = split(line);
  if (line[0] == '\0') return;
  for (size_t i = 0; i < COMMANDS; i++) {
    if (!same_text(line, commands[i].name)) continue;
    commands[i].run(argument);
    return;
  }
  print("there is no command '%s'; try help\n", line);
}

void run_shell(void) {
  char line[LINE_MAX];
  for (;;) {
    print("hello> ");
    read_line(line);
    obey(line);
  }
}

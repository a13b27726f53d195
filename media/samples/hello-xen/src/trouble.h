#pragma once

// The shell's 'trouble' command: what goes wrong between a guest and the others, on purpose.
void trouble_command(const char *argument);

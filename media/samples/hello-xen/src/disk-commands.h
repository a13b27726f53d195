#pragma once

// The shell's 'disk' command.
void disk_command(const char *argument);

#pragma once

// Reads commands from the console and obeys them, for ever.
_Noreturn void run_shell(void);

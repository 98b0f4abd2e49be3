/* Files and text of the computer that QEMU (or a debugger) runs on, by semihosting. */
#ifndef SEMIHOST_H
#define SEMIHOST_H

/* Opens a file for reading; negative if there is none. */
long sh_open(const char *name);
/* Reads exactly n bytes; 0 at the end of the file. */
int sh_read(long file, void *to, unsigned long n);
void sh_print(const char *text);
void sh_number(int n);
_Noreturn void sh_exit(int status);

#endif

/*
 * The first process of a pod and of a node: waits for ever, takes the children that others left behind, and ends when it
 * is asked to.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int signal_number) {
  (void)signal_number;
  _exit(0);
}

static void child_ended(int signal_number) { (void)signal_number; }

int main(void) {
  struct sigaction ending = {.sa_handler = end};
  struct sigaction child = {.sa_handler = child_ended};
  sigaction(SIGTERM, &ending, NULL);
  sigaction(SIGINT, &ending, NULL);
  sigaction(SIGCHLD, &child, NULL);
  for (;;) {
    if (waitpid(-1, NULL, 0) == -1 && errno == ECHILD) pause();
  }
}

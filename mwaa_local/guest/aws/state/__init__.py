"""What the local AWS holds, kept on disk: it is there again after a stop, a restart of the machine, and a crash.

moto has objects in memory and nothing else: no storage, no stable form to export. So its objects are pickled as they
are, all services in one pickle, since they point at each other. A pickle is a program; this one is acceptable, because

- it lies in a private folder of ours, and a file that another user owns or may read or write is refused;
- it is signed with a key that is kept outside of the project, so one that came with a project is refused;
- what it may name is the classes of moto and of this program, and few of the standard library (`pickling`).

A copy is written a moment after the last write and when the program is told to end (`keeper`), beside the former one,
which it then replaces (`folder`). Not a journal of requests: done again, they would have other ids. Events of
logs are kept apart, as they come (`log_events`).
"""

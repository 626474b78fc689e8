"""What a workshop needs besides the course: the course in every learner's folder, a look over the hub, the room.

course.py        copies the notebooks to a learner, and brings them up to date without ever overwriting a change
room.py          who has solved what, of those who share it
links.py         links for Binder, nbgitpuller and Colab
hub_settings.py  what a hub is set to, whichever file says so
hub_check.py     what that lacks for a workshop, and how to mend it
hub_sizes.py     how large a machine so many learners need, and what each notebook takes

These are programs for instructors (`labkit room`, `labkit links`, `labkit hub check`, `labkit hub sizes`): nothing of
the library needs them.
"""

"""This machine: the home folder, what runs here, locks, logs, processes, which folders are open."""

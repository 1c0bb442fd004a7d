-- What a step cost is asked by its command: `runs show`.
CREATE INDEX provider_calls_of_command ON provider_calls (command_id);

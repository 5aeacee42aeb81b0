"""Settings and the rules that are data: countries, retry schedules, examples."""

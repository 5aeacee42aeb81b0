"""The pure heart of Kairos: values, state tables and decisions. No I/O, no clock, no framework."""

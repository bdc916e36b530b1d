"""The integration in the newest Home Assistant, for which no test harness exists yet."""

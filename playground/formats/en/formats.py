"""English: "19 Nov 2026", "1,234"."""

DAY = "j M Y"
DAY_TIME = "j M Y, H:i"
LONG_DAY_TIME = "j F Y, H:i"
MOMENT = "j F Y, H:i:s"
MONTH = "F Y"
SHORT_DAY = "j M"
SHORT_DAY_TIME = "j M, H:i"
SHORT_MONTH = "M Y"
WEEKDAY = "D"

NUMBER_GROUPING = 3

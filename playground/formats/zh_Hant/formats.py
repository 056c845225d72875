"""Traditional Chinese as Taiwan writes it: "2026年11月19日", "1,234"."""

DAY = "Y年n月j日"
DAY_TIME = "Y年n月j日 H:i"
LONG_DAY_TIME = "Y年n月j日 H:i"
MOMENT = "Y年n月j日 H:i:s"
MONTH = "Y年n月"
SHORT_DAY = "n/j"
SHORT_DAY_TIME = "n/j H:i"
SHORT_MONTH = "Y/n"
WEEKDAY = "D"

NUMBER_GROUPING = 3
THOUSAND_SEPARATOR = ","

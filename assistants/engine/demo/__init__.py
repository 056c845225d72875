"""The demo model: a chat model made of rules, so that everything works before there is a key.

It answers Chat Completions requests inside this process (`transport`): a request is read
(`conversation`), a skill makes a plan (`skills`), the plan becomes a reply (`answer`) and goes out
as chunks (`stream`). It computes nothing itself: what is to be drawn or computed, it writes as
Python for the code interpreter to run.
"""

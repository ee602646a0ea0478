"""What every table shares: the database it is read from."""

from __future__ import annotations

from peewee import Model

from store.database import proxy


class Base(Model):
    class Meta:
        database = proxy

"""Finding runs and processes by the first or the last characters of their names."""

from __future__ import annotations

from provagent.contract.printable import as_recorded
from provagent.reading.store.index import Index
from provagent.reading.store.schema import END
from provagent.reading.store.sql_conditions import Sql


def ending(index: Index, table: str, column: str, text: str) -> list[tuple[int, str]]:
    """Return numbers and names of the rows of a table whose names end with a text."""
    condition = ends_so(column, text)
    statement = f"SELECT number, {column} FROM {table} WHERE {condition.text}"
    return index.execute(statement, condition.values).fetchall()


def ends_so(column: str, text: str) -> Sql:
    """Return the condition that a column ends with a text."""
    text = as_recorded(text)
    end = f"substr({column}, -{END})"  # the same expression as in the SQL index
    quick = f"{end} = substr(?, -{END})" if len(text) >= END else f"{end} LIKE '%' || ?"
    return Sql(f"({quick} AND substr({column}, -length(?)) = ?)", (text, text, text))


def runs_meant(index: Index, text: str, most: int = -1) -> list[tuple[int, str]]:
    """Return numbers and identifiers of the run with this identifier, or the runs that match it.

    If more than ``most`` identifiers start with the text, the newest are returned.
    """
    text = as_recorded(text)
    found = index.execute("SELECT number, id FROM run WHERE id = ?", (text,)).fetchall()
    if found:
        return found
    beginning = (
        "SELECT number, id FROM run WHERE id >= ?1 AND id < ?1 || char(1114111) "
        "AND substr(id, 1, length(?1)) = ?1 ORDER BY id DESC LIMIT ?2"
    )
    begun = index.execute(beginning, (text, most)).fetchall()[::-1]
    return begun + [one for one in ending(index, "run", "id", text) if one not in begun]

"""Expressions: from tokens to trees, loosest binding first.

    or < and < not < is null < comparison, in, between < + - < * / % < unary minus

A comparison of a comparison is refused: PostgreSQL and MariaDB read it differently.
"""

from simulations.isolation.lexer import Cursor, Token
from simulations.isolation.sql import (
    AGGREGATES,
    LARGEST,
    Between,
    Binary,
    Column,
    Expression,
    In,
    IsNull,
    Literal,
    Negate,
    Not,
)
from simulations.simulation import Problem

DEEPEST = 40  # nested expressions; far from Python's own limit, far beyond what a lesson needs


class Expressions:
    """Reads expressions from where the cursor is."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.depth = 0

    def expressions(self) -> tuple[Expression, ...]:
        found = [self.expression()]
        while self.cursor.sign(","):
            found.append(self.expression())
        return tuple(found)

    def expression(self) -> Expression:
        left = self.conjunction()
        while (start := self.cursor.here).value == "or" and self.cursor.word("or"):
            left = self.binary("or", left, self.conjunction(), start)
        return left

    def conjunction(self) -> Expression:
        left = self.negation()
        while (start := self.cursor.here).value == "and" and self.cursor.word("and"):
            left = self.binary("and", left, self.negation(), start)
        return left

    def binary(self, op: str, left: Expression, right: Expression, at: Token) -> Binary:
        # A long chain is as deep as a nested one, so both count.
        if height(left) >= DEEPEST or height(right) >= DEEPEST:
            raise Problem(f"This expression is over {DEEPEST} deep.", column=at.start + 1)
        return Binary(op, left, right, at.start + 1)

    def negation(self) -> Expression:
        start = self.cursor.here
        if self.cursor.word("not"):
            self.deeper()
            operand = self.negation()
            self.depth -= 1
            return Not(operand, start.start + 1)
        return self.predicate()

    def predicate(self) -> Expression:
        left = self.sum()
        start = self.cursor.here
        if sign := self.cursor.sign("=", "<>", "!=", "<", "<=", ">", ">="):
            left = self.binary("<>" if sign == "!=" else sign, left, self.sum(), start)
        else:
            negated = self.cursor.here.value == "not" and self.cursor.word("not")
            if self.cursor.word("in"):
                self.cursor.need("(")
                items = self.expressions()
                self.cursor.need(")")
                left = In(left, items, negated, start.start + 1)
            elif self.cursor.word("between"):
                low = self.sum()
                self.cursor.need("AND")
                left = Between(left, low, self.sum(), negated, start.start + 1)
            elif negated:
                raise self.cursor.unexpected("`IN` or `BETWEEN`")
        while (start := self.cursor.here).value == "is" and self.cursor.word("is"):
            negated = self.cursor.word("not")
            self.cursor.need("NULL")
            if height(left) >= DEEPEST:
                raise Problem(f"This expression is over {DEEPEST} deep.", column=start.start + 1)
            left = IsNull(left, negated, start.start + 1)
        return left

    def sum(self) -> Expression:
        left = self.product()
        while (start := self.cursor.here).kind == "sign" and (sign := self.cursor.sign("+", "-")):
            left = self.binary(sign, left, self.product(), start)
        return left

    def product(self) -> Expression:
        left = self.unary()
        while (start := self.cursor.here).kind == "sign" and (
            sign := self.cursor.sign("*", "/", "%")
        ):
            left = self.binary(sign, left, self.unary(), start)
        return left

    def unary(self) -> Expression:
        start = self.cursor.here
        if not self.cursor.sign("-"):
            return self.atom()
        self.deeper()
        operand = self.unary()
        self.depth -= 1
        if isinstance(operand, Literal) and type(operand.value) is int:
            return Literal(-operand.value, start.start + 1)
        return Negate(operand, start.start + 1)

    def atom(self) -> Expression:
        token = self.cursor.here
        position = token.start + 1
        if self.cursor.sign("("):
            self.deeper()
            tree = self.expression()
            self.depth -= 1
            self.cursor.need(")")
            return tree
        if token.kind == "number":
            self.cursor.index += 1
            if len(token.value) > 10 or int(token.value) > LARGEST:
                raise Problem(
                    f"{token.value[:20]} does not fit an INT; the largest is {LARGEST}.",
                    column=position,
                )
            return Literal(int(token.value), position)
        if token.kind == "text":
            self.cursor.index += 1
            return Literal(token.value[1:-1].replace("''", "'"), position)
        for word, value in (("null", None), ("true", True), ("false", False)):
            if self.cursor.word(word):
                return Literal(value, position)
        following = self.cursor.tokens[min(self.cursor.index + 1, len(self.cursor.tokens) - 1)]
        if token.kind == "name" and following.value == "(":
            inside = " outside the list of a SELECT" if token.value in AGGREGATES else ""
            written = self.cursor.text[token.start : token.end].upper()
            raise Problem(
                f"The function {written}{inside} is outside the SQL that this simulation reads.",
                column=position,
            )
        name = self.cursor.name("a value or the name of a column")
        if self.cursor.here.value == ".":
            raise Problem("Write a column without its table.", column=self.cursor.here.start + 1)
        return Column(name, position)

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Problem(
                f"This expression is over {DEEPEST} deep.", column=self.cursor.here.start + 1
            )


def height(tree: Expression) -> int:
    """How deep the tree is."""
    match tree:
        case Binary(_, left, right):
            return 1 + max(height(left), height(right))
        case Negate(operand) | Not(operand) | IsNull(operand):
            return 1 + height(operand)
        case In(operand, items):
            return 1 + max(height(operand), *map(height, items))
        case Between(operand, low, high):
            return 1 + max(height(operand), height(low), height(high))
    return 1

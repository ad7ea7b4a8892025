"""Names for people who would rather not show theirs: adjective-noun-number."""

import secrets
from typing import Final

ADJECTIVES: Final = (
    "amber bold brave bright calm clear clever cosmic crisp curious dapper eager early fair fast fond fresh gentle "
    "glad golden grand happy honest humble jolly keen kind lively lucky mellow merry mighty nimble noble patient "
    "plucky polite proud quick quiet rapid royal sharp shiny silent silver smart snowy steady sunny swift tidy "
    "true vivid warm wise witty young"
)
NOUNS: Final = (
    "badger beaver bison crane deer dolphin eagle falcon ferret finch fox gecko heron ibis jaguar kestrel koala lark "
    "lemur leopard lion lynx magpie marten mole moose newt ocelot orca osprey otter owl panda pelican penguin "
    "puffin puma rabbit raven robin salmon seal sparrow squirrel stork swan tiger toucan turtle walrus weasel whale "
    "wolf wombat wren yak zebra"
)


def avatar_name() -> str:
    return f"{secrets.choice(ADJECTIVES.split())}-{secrets.choice(NOUNS.split())}-{secrets.randbelow(9_000) + 1_000}"

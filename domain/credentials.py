"""What an e-mail address and a password that is set must look like, wherever they are asked for."""

from typing import Annotated, Final

from pydantic import Field, SecretStr

from domain.values import Line

EMAIL: Final = r"^[^@\s]+@[^@\s]+$"
FEWEST: Final = 10
"""As many characters has a password that is set, at least."""
MOST: Final = 256
Email = Annotated[Line, Field(min_length=3, max_length=320, pattern=EMAIL)]
NewPassword = Annotated[SecretStr, Field(min_length=FEWEST, max_length=MOST)]

"""What an e-mail address and a password that is set must look like, wherever they are asked for."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr

from domain.values import Line, shows_itself

EMAIL: Final = r"^[^@\s]+@[^@\s]+$"
FEWEST: Final = 10
"""As many characters has a password that is set, at least."""
MOST: Final = 256
Email = Annotated[Line, Field(min_length=3, max_length=320, pattern=EMAIL)]
NewEmail = Annotated[Email, AfterValidator(shows_itself)]
"""One that somebody gives now; to sign in, any is tried."""
NewPassword = Annotated[SecretStr, Field(min_length=FEWEST, max_length=MOST)]

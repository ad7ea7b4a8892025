"""Settings that stand in a file of the data folder, and nowhere else: what the environment says does not count."""

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from infra.config import Settings


class Told(Settings):
    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

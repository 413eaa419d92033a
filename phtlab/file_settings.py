"""Settings of a service, from a file in its folder and the environment, which takes precedence."""

from __future__ import annotations

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource


class FileSettings(BaseSettings):
    """Settings whose environment variables override the arguments, which come from the file."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, *cls.other_sources(settings_cls), init_settings

    @classmethod
    def other_sources(
        cls, settings_cls: type[BaseSettings]
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return further sources, which rank after the environment and before the file."""
        return ()

"""What every suite shares: properties are searched without a deadline, since timing never decides a test."""

from hypothesis import settings

settings.register_profile("firstbell", deadline=None)
settings.load_profile("firstbell")

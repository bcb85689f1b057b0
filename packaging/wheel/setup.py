"""The library is built already, for one CPython and one platform, which the name of the wheel is to say."""

from setuptools import Distribution, setup


class Built(Distribution):
    def has_ext_modules(self):
        return True


setup(distclass=Built)

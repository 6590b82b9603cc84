"""Does a garment suit the weather? A network around one of clothzoo's."""

import keras

import clothzoo


def suits_the_weather(side: int = 32) -> keras.Model:
    """A photo and a temperature in °C in, the probability that they go together out."""
    photo = keras.Input((side, side, 3), name="photo")
    temperature = keras.Input((1,), name="temperature")
    scaled = keras.layers.Rescaling(1 / 255, name="scale")(photo)
    garment = clothzoo.models.InceptionResidualCNN(
        include_top=False, pooling="avg", input_tensor=scaled, width=0.25
    )
    both = keras.layers.Concatenate(name="both")([garment.output, temperature])
    hidden = keras.layers.Dense(16, activation="relu", name="hidden")(both)
    suits = keras.layers.Dense(1, activation="sigmoid", name="suits")(hidden)
    return keras.Model([photo, temperature], suits, name="suits_the_weather")

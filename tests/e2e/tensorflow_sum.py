"""A TensorFlow multi-worker script: finds its peers by TF_CONFIG, adds up ranks
by an all-reduce, trains a layer for a few steps, and prints what every worker
must agree on."""
import json
import os

import tensorflow as tf

# Before anything else of TensorFlow: it starts the server that peers talk to.
strategy = tf.distribute.MultiWorkerMirroredStrategy()
rank = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
size = strategy.num_replicas_in_sync

with strategy.scope():
    model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])
    optimizer = tf.keras.optimizers.SGD(0.1)
    optimizer.build(model.trainable_variables)


@tf.function
def step(images):
    def train(images):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(images) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        context = tf.distribute.get_replica_context()
        gradients = context.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
        for variable, gradient in zip(model.trainable_variables, gradients):
            variable.assign_sub(0.1 * gradient)
        return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.constant(float(rank)))

    return strategy.run(train, args=(images,))


tf.random.set_seed(rank)
for _ in range(3):
    total = step(tf.random.normal((8, 4)))
weight = float(tf.reduce_sum(model.trainable_variables[0]))
print(f"worker {rank} of {size} ranks add up to {float(total):g} weights {weight:.6f}", flush=True)

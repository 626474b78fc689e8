"""`tf.nn`: the parts of neural networks.

The functions live with their ops in `labkit/ops/`; this file is the table of contents.

    activations     relu relu6 crelu elu selu leaky_relu softplus softsign sigmoid tanh; softmax log_softmax
    losses          softmax_cross_entropy_with_logits softmax_cross_entropy_with_logits_v2
                    sparse_softmax_cross_entropy_with_logits sigmoid_cross_entropy_with_logits
                    weighted_cross_entropy_with_logits log_poisson_loss l2_loss
    convolution     conv1d conv2d conv3d conv2d_transpose conv3d_transpose convolution
                    conv2d_backprop_input conv2d_backprop_filter
                    depthwise_conv2d depthwise_conv2d_native separable_conv2d atrous_conv2d
    pooling         max_pool avg_pool max_pool3d avg_pool3d pool
    normalization   moments batch_normalization batch_norm_with_global_normalization fused_batch_norm
                    local_response_normalization lrn l2_normalize
    layers          bias_add xw_plus_b relu_layer dropout
    ranking         top_k in_top_k zero_fraction
    embeddings      embedding_lookup embedding_lookup_sparse nce_loss sampled_softmax_loss compute_accidental_hits
                    uniform_candidate_sampler log_uniform_candidate_sampler
                    learned_unigram_candidate_sampler fixed_unigram_candidate_sampler
    recurrence      rnn_cell dynamic_rnn static_rnn rnn bidirectional_dynamic_rnn static_bidirectional_rnn
                    raw_rnn static_state_saving_rnn seq2seq
"""

from labkit import rnn_cells as rnn_cell
from labkit import seq2seq as seq2seq
from labkit.historic import sigmoid_cross_entropy_with_logits as sigmoid_cross_entropy_with_logits
from labkit.historic import softmax_cross_entropy_with_logits as softmax_cross_entropy_with_logits
from labkit.historic import sparse_softmax_cross_entropy_with_logits as sparse_softmax_cross_entropy_with_logits
from labkit.missing import namespace
from labkit.ops.accidental_hits import compute_accidental_hits as compute_accidental_hits
from labkit.ops.activations import crelu as crelu
from labkit.ops.activations import elu as elu
from labkit.ops.activations import leaky_relu as leaky_relu
from labkit.ops.activations import relu as relu
from labkit.ops.activations import relu6 as relu6
from labkit.ops.activations import selu as selu
from labkit.ops.activations import softplus as softplus
from labkit.ops.activations import softsign as softsign
from labkit.ops.candidates import fixed_unigram_candidate_sampler as fixed_unigram_candidate_sampler
from labkit.ops.candidates import learned_unigram_candidate_sampler as learned_unigram_candidate_sampler
from labkit.ops.candidates import log_uniform_candidate_sampler as log_uniform_candidate_sampler
from labkit.ops.candidates import uniform_candidate_sampler as uniform_candidate_sampler
from labkit.ops.conv import conv2d as conv2d
from labkit.ops.conv import conv2d_backprop_filter as conv2d_backprop_filter
from labkit.ops.conv import conv2d_backprop_input as conv2d_backprop_input
from labkit.ops.conv_variants import atrous_conv2d as atrous_conv2d
from labkit.ops.conv_variants import conv1d as conv1d
from labkit.ops.conv_variants import conv2d_transpose as conv2d_transpose
from labkit.ops.conv_variants import conv3d as conv3d
from labkit.ops.conv_variants import conv3d_transpose as conv3d_transpose
from labkit.ops.conv_variants import convolution as convolution
from labkit.ops.conv_variants import depthwise_conv2d as depthwise_conv2d
from labkit.ops.conv_variants import depthwise_conv2d_native as depthwise_conv2d_native
from labkit.ops.conv_variants import pool as pool
from labkit.ops.conv_variants import separable_conv2d as separable_conv2d
from labkit.ops.cross_entropy import softmax_cross_entropy_with_logits_v2 as softmax_cross_entropy_with_logits_v2
from labkit.ops.elementwise_losses import l2_loss as l2_loss
from labkit.ops.elementwise_losses import log_poisson_loss as log_poisson_loss
from labkit.ops.elementwise_losses import weighted_cross_entropy_with_logits as weighted_cross_entropy_with_logits
from labkit.ops.embedding_sparse import embedding_lookup_sparse as embedding_lookup_sparse
from labkit.ops.exponential import sigmoid as sigmoid
from labkit.ops.exponential import tanh as tanh
from labkit.ops.gathering import embedding_lookup as embedding_lookup
from labkit.ops.mean_pooling import avg_pool as avg_pool
from labkit.ops.mean_pooling import avg_pool3d as avg_pool3d
from labkit.ops.nn import bias_add as bias_add
from labkit.ops.nn import dropout as dropout
from labkit.ops.nn import relu_layer as relu_layer
from labkit.ops.nn import xw_plus_b as xw_plus_b
from labkit.ops.nn import zero_fraction as zero_fraction
from labkit.ops.normalization import batch_norm_with_global_normalization as batch_norm_with_global_normalization
from labkit.ops.normalization import batch_normalization as batch_normalization
from labkit.ops.normalization import fused_batch_norm as fused_batch_norm
from labkit.ops.normalization import l2_normalize as l2_normalize
from labkit.ops.normalization import local_response_normalization as local_response_normalization
from labkit.ops.normalization import lrn as lrn
from labkit.ops.normalization import moments as moments
from labkit.ops.patches import dilation2d as dilation2d
from labkit.ops.patches import erosion2d as erosion2d
from labkit.ops.pooling import max_pool as max_pool
from labkit.ops.pooling import max_pool3d as max_pool3d
from labkit.ops.pooling_argmax import max_pool_with_argmax as max_pool_with_argmax
from labkit.ops.ranking import in_top_k as in_top_k
from labkit.ops.ranking import top_k as top_k
from labkit.ops.softmax import log_softmax as log_softmax
from labkit.ops.softmax import softmax as softmax
from labkit.ops.statistics import normalize_moments as normalize_moments
from labkit.ops.statistics import sufficient_statistics as sufficient_statistics
from labkit.ops.statistics import weighted_moments as weighted_moments
from labkit.rnn import bidirectional_dynamic_rnn as bidirectional_dynamic_rnn
from labkit.rnn import dynamic_rnn as dynamic_rnn
from labkit.rnn import raw_rnn as raw_rnn
from labkit.rnn import rnn as rnn
from labkit.rnn import static_bidirectional_rnn as static_bidirectional_rnn
from labkit.rnn import static_rnn as static_rnn
from labkit.rnn import static_state_saving_rnn as static_state_saving_rnn
from labkit.sampled_losses import nce_loss as nce_loss
from labkit.sampled_losses import sampled_softmax_loss as sampled_softmax_loss

__all__ = [
    "atrous_conv2d", "avg_pool", "avg_pool3d", "batch_norm_with_global_normalization", "batch_normalization",
    "bias_add", "bidirectional_dynamic_rnn", "compute_accidental_hits", "conv1d", "conv2d", "conv2d_backprop_filter",
    "conv2d_backprop_input", "conv2d_transpose", "conv3d", "conv3d_transpose", "convolution", "crelu",
    "depthwise_conv2d", "depthwise_conv2d_native", "dilation2d", "dropout", "dynamic_rnn", "elu", "embedding_lookup",
    "embedding_lookup_sparse", "erosion2d", "fixed_unigram_candidate_sampler", "fused_batch_norm", "in_top_k",
    "l2_loss", "l2_normalize", "leaky_relu", "learned_unigram_candidate_sampler", "local_response_normalization",
    "log_poisson_loss", "log_softmax", "log_uniform_candidate_sampler", "lrn", "max_pool", "max_pool3d",
    "max_pool_with_argmax", "moments", "nce_loss", "normalize_moments", "pool", "raw_rnn", "relu", "relu6",
    "relu_layer", "rnn", "rnn_cell", "sampled_softmax_loss", "selu", "separable_conv2d", "seq2seq", "sigmoid",
    "sigmoid_cross_entropy_with_logits", "softmax", "softmax_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits_v2", "softplus", "softsign", "sparse_softmax_cross_entropy_with_logits",
    "static_bidirectional_rnn", "static_rnn", "static_state_saving_rnn", "sufficient_statistics", "tanh", "top_k",
    "uniform_candidate_sampler", "weighted_cross_entropy_with_logits", "weighted_moments", "xw_plus_b", "zero_fraction",
]  # fmt: skip

__getattr__ = namespace(__name__, __all__)

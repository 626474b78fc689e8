// The style sheets of all parts, as one text. Each part keeps its rules beside its code and adds its line here.

import shell from "../style.css";
import cluster from "../cluster/cluster.css";
import debug from "../debugger/debugger.css";
import devicename from "../devicename/devicename.css";
import graph from "../graph/graph.css";
import graphview from "../graphview/graphview.css";
import parallel from "../parallel/parallel.css";
import pipeline from "../pipeline/pipeline.css";
import placement from "../placement/placement.css";
import playground from "../playground/playground.css";
import processes from "../processes/processes.css";
import race from "../race/race.css";
import roofline from "../roofline/roofline.css";
import scaling from "../scaling/scaling.css";
import trace from "../trace/trace.css";
import training from "../training/training.css";
import plot from "./plot.css";
import value from "./value.css";

export const styles = [shell, cluster, debug, devicename, graph, graphview, parallel, pipeline, placement, playground, processes, race, roofline, scaling, trace, training, plot, value].join("\n");
